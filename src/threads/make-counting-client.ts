/** A front's way to the counting pool, with its share of what may be out at once. Front thread. */
import { countingShareBytes } from '#config/limits.ts';
import { jobTransfers } from '#tokenizer/count-job.ts';
import { CountingClient } from '#tokenizer/counting-client.ts';
import type { FrontData, FrontToPrimary } from './protocol.ts';

type CountingData = Pick<FrontData, 'config' | 'shared' | 'port'>;

export function makeCountingClient({ config, shared, port }: CountingData): CountingClient {
  const { threads, queueJobs } = config.tokenizer;
  const bytes = countingShareBytes(config, shared.usageRings.length);
  return new CountingClient({ ...config.tokenizer, jobs: threads === 0 ? 0 : queueJobs, bytes }, (id, job) =>
    port.postMessage({ type: 'count', id, job } satisfies FrontToPrimary, jobTransfers(job)),
  );
}
