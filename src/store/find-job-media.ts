/** Where to read what a media job made; null when it made nothing, or nothing that is kept. */
import type { Database } from './database.ts';

export interface JobMedia {
  kind: 'image' | 'video';
  accountId: number;
  /** Of a video. */
  upstreamId: string | null;
  /** Of pictures: addresses; '' for one that was in the answer. */
  urls: string[];
}

export async function findJobMedia(db: Database, id: string): Promise<JobMedia | null> {
  const [row] = await db<JobMedia[]>`
    select kind, account_id as "accountId", upstream_id as "upstreamId", urls
    from jobs
    where id = ${id} and (kind = 'image' or upstream_id is not null)`;
  return row ?? null;
}
