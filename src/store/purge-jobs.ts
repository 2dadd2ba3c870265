/** Forgets media jobs that ended long ago; what they cost stays in the usage log. At most a thousand at a time. */
import type { Database } from './database.ts';

export async function purgeJobs(db: Database, days: number): Promise<number> {
  const rows = await db`
    delete from jobs
    where id in (
      select id from jobs
      where state not in ('creating', 'running', 'succeeded') and updated_at < now() - make_interval(days => ${days})
      limit 1000)
    returning id`;
  return rows.length;
}
