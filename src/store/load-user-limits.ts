/** What the tables of primary hold of some users: how many requests at once, and the balance as it stands. */
import type { Database } from './database.ts';

export interface UserLimits {
  userId: number;
  concurrency: number;
  balanceNanoUsd: bigint;
}

export async function loadUserLimits(database: Database, userIds: number[]): Promise<UserLimits[]> {
  if (userIds.length === 0) return [];
  const rows = await database<{ id: number; concurrency: number; nano_usd: string }[]>`
    select u.id, u.concurrency, coalesce(b.nano_usd, 0) as nano_usd
    from users u left join balances b on b.user_id = u.id
    where u.id = any (string_to_array(${userIds.join(',')}, ',')::int[])`;
  return rows.map((row) => ({ userId: row.id, concurrency: row.concurrency, balanceNanoUsd: BigInt(row.nano_usd) }));
}
