/** Writes a new media job down, before any upstream is asked for it. */
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';

export async function insertJob(db: Database, home: string, job: JobRow): Promise<void> {
  await db`
    insert into jobs (id, home, state, kind, user_id, key_id, group_id, account_id, model, upstream_model, prompt, size, seconds,
                      stream, cost_nano_usd, charged_nano_usd, multiplier_micros, attempts, queue_ms, client_request_id, created_at)
    values (${job.id}, ${home}, ${job.state}, ${job.kind}, ${job.userId}, ${job.keyId}, ${job.groupId}, ${job.accountId},
            ${job.model}, ${job.upstreamModel}, ${job.prompt}, ${job.size}, ${job.seconds}, ${job.stream},
            ${String(job.costNanoUsd)}, ${String(job.chargedNanoUsd)}, ${job.multiplierMicros}, ${job.attempts},
            ${job.queueMs}, ${job.clientRequestId}, ${new Date(job.createdAtMs)})`;
}
