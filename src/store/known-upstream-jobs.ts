/** Which of an account's jobs are in our books already. */
import type { Database } from './database.ts';

export async function knownUpstreamJobs(db: Database, accountId: number, upstreamIds: string[]): Promise<Set<string>> {
  const rows = await db<{ upstream_id: string }[]>`
    select upstream_id from jobs where account_id = ${accountId} and upstream_id = any (${upstreamIds})`;
  return new Set(rows.map((row) => row.upstream_id));
}
