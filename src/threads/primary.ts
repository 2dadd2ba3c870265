/**
 * Composition root of primary, the main thread of the gateway process: migrations, catalog, shared memory, usage-writer, fronts,
 * control server, and the order in which they start and end. Never relays.
 *
 *   start: migrate → catalog applied → usage-writer (replays the journal) → notifications → control server → fronts → ready
 *   end:   fronts drained and gone → usage-writer flushed and gone → control server → database → exit
 *
 * Primary never calls `process.exit` while a front lives: the process would abort.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, type Logger } from '#base/logger.ts';
import { loadConfig } from '#config/load.ts';
import { Gateway } from './gateway.ts';
import type { PrimaryOptions } from './primary-options.ts';
import type { GatewayToSupervisor, SupervisorToGateway } from './protocol.ts';

/** Resolves when the gateway serves; it then ends by itself once it is told to drain or its supervisor is gone. */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const { config, catalog } = loadConfig({ configPath: options.configPath, env: process.env });
  const log = createLogger({ level: config.log.level, thread: 'primary' });
  mkdirSync(join(options.dataDir, 'journal'), { recursive: true, mode: 0o700 });
  const onStuck = (front: number): void => tellSupervisor({ type: 'stuck', front });
  const gateway = new Gateway({ config, catalog, options, log, onStuck });
  const end = once(() => endGateway(gateway, log));
  process.on('message', (message: SupervisorToGateway) => {
    if (message.type === 'drain') end();
  });
  process.on('disconnect', end);
  process.on('uncaughtException', (error) => failProcess(log, error));
  process.on('unhandledRejection', (error) => failProcess(log, error));
  const ready = await gateway.start();
  tellSupervisor({ type: 'ready', ...ready });
}

function tellSupervisor(message: GatewayToSupervisor): void {
  process.send?.(message, undefined, undefined, () => {});
}

async function endGateway(gateway: Gateway, log: Logger): Promise<void> {
  try {
    await gateway.end();
  } catch (error) {
    failProcess(log, error);
  }
  process.exit(0);
}

/** A bug in primary: nothing can be trusted any more. The supervisor starts a new process; the journal holds what was served. */
function failProcess(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'primary failed');
  void sleep(0).then(() => process.abort());
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}
