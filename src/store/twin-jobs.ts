/** How many other media jobs are being made at the same account of the same words: what is found there may be theirs. */
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';

export async function twinJobs(db: Database, job: JobRow): Promise<number> {
  const rows = await db`
    select from jobs
    where state = 'creating' and account_id = ${job.accountId} and id <> ${job.id} and prompt = ${job.prompt}
      and upstream_model = ${job.upstreamModel} and size = ${job.size} and seconds = ${job.seconds}`;
  return rows.length;
}
