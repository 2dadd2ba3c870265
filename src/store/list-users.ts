/** All users by name, with their balance and what it opened with, in one statement. */
import type { Database } from './database.ts';

export interface UserListing {
  id: number;
  name: string;
  status: 'active' | 'disabled';
  concurrency: number;
  balanceNanoUsd: bigint;
  openingNanoUsd: bigint;
  createdAtMs: number;
}

type Row = Omit<UserListing, 'balanceNanoUsd' | 'openingNanoUsd' | 'createdAtMs'> & {
  balance: string;
  opening: string;
  created_at: Date;
};

export async function listUsers(db: Database): Promise<UserListing[]> {
  const rows = await db<Row[]>`
    select users.id, users.name, users.status, users.concurrency, users.created_at,
           coalesce(balances.nano_usd, 0) as balance,
           coalesce(ledger_entries.nano_usd, 0) as opening
    from users
    left join balances on balances.user_id = users.id
    left join ledger_entries on ledger_entries.user_id = users.id and ledger_entries.kind = 'opening'
    order by users.name`;
  return rows.map(({ balance, opening, created_at, ...user }) => ({
    ...user,
    balanceNanoUsd: BigInt(balance),
    openingNanoUsd: BigInt(opening),
    createdAtMs: created_at.getTime(),
  }));
}
