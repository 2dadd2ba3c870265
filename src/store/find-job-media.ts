/** Where to read what a media job made; null when it made nothing. */
import type { Database } from './database.ts';

export interface JobMedia {
  accountId: number;
  upstreamId: string;
}

export async function findJobMedia(db: Database, id: string): Promise<JobMedia | null> {
  const [row] = await db<JobMedia[]>`
    select account_id as "accountId", upstream_id as "upstreamId"
    from jobs
    where id = ${id} and upstream_id is not null and kind = 'video'`;
  return row ?? null;
}
