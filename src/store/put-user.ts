/**
 * Creates a user by name, or brings the one of that name to the wish. The balance is entered once, as the opening entry of the
 * ledger, when the user is created; afterwards it is not touched here.
 */
import type { Database } from './database.ts';

export interface UserWish {
  name: string;
  concurrency: number;
  /** Null leaves it as it is; a new user is active. */
  status: 'active' | 'disabled' | null;
  balanceNanoUsd: bigint;
}

/** `created` is false when a row of that name was there. */
export interface Put {
  id: number;
  created: boolean;
}

export async function putUser(db: Database, wish: UserWish): Promise<Put> {
  const nanoUsd = String(wish.balanceNanoUsd);
  const [row] = await db<Put[]>`
    with put as (
      insert into users (name, concurrency, status)
      values (${wish.name}, ${wish.concurrency}, coalesce(${wish.status}::text, 'active'))
      on conflict (name) do update
      set concurrency = excluded.concurrency, status = coalesce(${wish.status}::text, users.status)
      returning id, (xmax = 0) as created
    ), opened as (
      insert into ledger_entries (user_id, kind, nano_usd, ref)
      select id, 'opening', ${nanoUsd}, 'opening' from put where created
    ), balanced as (
      insert into balances (user_id, nano_usd)
      select id, ${nanoUsd} from put where created
    )
    select id, created from put`;
  return { id: row!.id, created: row!.created };
}
