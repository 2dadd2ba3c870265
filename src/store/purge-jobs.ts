/** Forgets media jobs that ended long ago, a thousand at a time until none is left; what they cost stays in the usage log. */
import type { Database } from './database.ts';

const ROWS = 1000;

export async function purgeJobs(db: Database, days: number): Promise<number> {
  let purged = 0;
  for (;;) {
    const rows = await db`
      delete from jobs
      where id in (
        select id from jobs
        where state not in ('creating', 'running', 'succeeded') and updated_at < now() - make_interval(days => ${days})
        limit ${ROWS})
      returning id`;
    purged += rows.length;
    if (rows.length < ROWS) return purged;
  }
}
