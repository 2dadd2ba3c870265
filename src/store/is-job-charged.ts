/** Whether a media job has its row in the usage log. */
import type { Database } from './database.ts';
import type { JobRow } from './job-row.ts';

export async function isJobCharged(db: Database, { id, createdAtMs }: JobRow): Promise<boolean> {
  const rows = await db`
    select from usage_logs
    where created_at = ${new Date(createdAtMs)} and request_id = ${id} and status = 'completed'`;
  return rows.length > 0;
}
