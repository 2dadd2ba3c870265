/** Balances of some users, as they stand. */
import type postgres from 'postgres';
import type { UserBalance } from '#usage/usage-store.ts';

export async function readBalances(sql: postgres.Sql, userIds: number[]): Promise<UserBalance[]> {
  const rows = await sql<{ user_id: number; nano_usd: string }[]>`
    select user_id, nano_usd from balances where user_id = any (string_to_array(${userIds.join(',')}, ',')::int[])`;
  return rows.map((row) => ({ userId: row.user_id, balanceNanoUsd: BigInt(row.nano_usd) }));
}
