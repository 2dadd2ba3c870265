/** Writes down how far a media job has come; one that has ended stays as it is, so that a statement that was late changes nothing. */
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';

export async function changeJob(db: Database, job: JobRow, error = ''): Promise<void> {
  await db`
    update jobs
    set state = ${job.state}, account_id = ${job.accountId}, upstream_model = ${job.upstreamModel},
        upstream_id = ${job.upstreamId}, attempts = ${job.attempts}, urls = ${job.urls}, error = ${error}, updated_at = now()
    where id = ${job.id} and state in ('creating', 'running', 'succeeded')`;
}
