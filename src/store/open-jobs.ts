/** The media jobs of a data folder that have not ended, in the order in which they were begun. */
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';

type Row = Omit<JobRow, 'createdAtMs' | 'costNanoUsd' | 'chargedNanoUsd'> & {
  created_at: Date;
  cost_nano_usd: string;
  charged_nano_usd: string;
};

export async function openJobs(db: Database, home: string): Promise<JobRow[]> {
  const rows = await db<Row[]>`
    select id, state, kind, user_id as "userId", key_id as "keyId", group_id as "groupId", account_id as "accountId",
           upstream_id as "upstreamId", model, upstream_model as "upstreamModel", prompt, size, seconds, stream,
           cost_nano_usd, charged_nano_usd, multiplier_micros as "multiplierMicros", attempts, queue_ms as "queueMs",
           client_request_id as "clientRequestId", urls, created_at
    from jobs
    where home = ${home} and state in ('creating', 'running', 'succeeded')
    order by created_at`;
  return rows.map(({ created_at, cost_nano_usd, charged_nano_usd, ...row }) => ({
    ...row,
    createdAtMs: created_at.getTime(),
    costNanoUsd: BigInt(cost_nano_usd),
    chargedNanoUsd: BigInt(charged_nano_usd),
  }));
}
