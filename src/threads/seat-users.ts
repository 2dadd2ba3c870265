/**
 * Gives users a row in the shared tables, their limit and their balance, as when one of their keys is first asked for: for what a process
 * before has in use, and for jobs that are taken up again. Primary only.
 */
import type { UserLimits } from '#store/load-user-limits.ts';
import type { PrimaryTables } from './primary-tables.ts';

/** Users for whom there is no room stay without a row. */
export async function seatUsers(
  { rows, limits, balances }: PrimaryTables['users'],
  userIds: readonly number[],
  load: (userIds: number[]) => Promise<UserLimits[]>,
): Promise<void> {
  const strangers = userIds.filter((id) => rows.find(id) === undefined);
  if (strangers.length === 0) return;
  for (const { userId, concurrency, balanceNanoUsd } of await load(strangers)) {
    const seat = rows.assign(userId);
    if (!seat?.fresh) continue;
    balances.load(seat.row, balanceNanoUsd);
    limits.setLimit(seat.row, concurrency);
  }
}
