/** Tells at start what memory the configuration allows: the sum at info, how it is made at debug. Primary. */
import type { Logger } from '#base/logger.ts';
import { formatWorstCase, worstCase } from '#config/limits.ts';
import type { Config } from '#config/schema.ts';

export function sayWorstCase(log: Logger, config: Config, fronts: number): void {
  const sum = worstCase(config, fronts);
  const { memoryBytesMax } = config.limits;
  log.info({ fronts, worstCaseBytes: sum.totalBytes, memoryBytesMax }, 'memory at worst');
  log.debug(`memory at worst, line by line\n${formatWorstCase(sum)}`);
}
