/** Creates an account by name, or brings the one of that name to the wish; its groups become exactly those of the wish. */
import type { Database } from './database.ts';
import type { Put } from './put-user.ts';
import { UnknownName } from './unknown-name.ts';

export interface AccountWish {
  name: string;
  platform: 'anthropic';
  type: 'apikey';
  baseUrl: string;
  apiKey: string;
  concurrency: number;
  priority: number;
  /** Null leaves it as it is; a new account is active. */
  status: 'active' | 'disabled' | null;
  models: string[] | null;
  modelMap: Record<string, string>;
  /** PEM; null trusts the public certificate authorities. */
  ca: string | null;
  /** Names. */
  groups: string[];
}

/** Throws UnknownName; nothing is changed then. */
export async function putAccount(db: Database, wish: AccountWish): Promise<Put> {
  return await db.begin(async (tx) => {
    const found = await tx<{ id: number; name: string }[]>`
      select id, name from groups where name = any (${wish.groups})`;
    const unknown = wish.groups.find((name) => !found.some((group) => group.name === name));
    if (unknown !== undefined) throw new UnknownName('group', unknown);
    const [row] = await tx<Put[]>`
      insert into accounts (name, platform, type, base_url, api_key, concurrency, priority, status, models, model_map, ca)
      values (${wish.name}, ${wish.platform}, ${wish.type}, ${wish.baseUrl}, ${wish.apiKey}, ${wish.concurrency},
              ${wish.priority}, coalesce(${wish.status}::text, 'active'), ${wish.models}, ${tx.json(wish.modelMap)}, ${wish.ca})
      on conflict (name) do update
      set platform = excluded.platform, type = excluded.type, base_url = excluded.base_url, api_key = excluded.api_key,
          concurrency = excluded.concurrency, priority = excluded.priority, status = coalesce(${wish.status}::text, accounts.status),
          models = excluded.models, model_map = excluded.model_map, ca = excluded.ca
      returning id, (xmax = 0) as created`;
    const { id, created } = row!;
    const groups = found.map((group) => group.id);
    await tx`delete from account_groups where account_id = ${id} and group_id <> all (${groups}::int[])`;
    await tx`
      insert into account_groups (account_id, group_id)
      select ${id}::int, unnest(${groups}::int[])
      on conflict do nothing`;
    return { id, created };
  });
}
