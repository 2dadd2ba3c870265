/** Creates an account by name, or brings the one of that name to the wish; its groups become exactly those of the wish. */
import type { AccountSettings, Platform, Protocol } from '#base/protocols.ts';
import type { Database } from './database.ts';
import type { Put } from './put-user.ts';
import { UnknownName } from './unknown-name.ts';

export interface AccountWish {
  name: string;
  platform: Platform;
  type: 'apikey';
  baseUrl: string;
  apiKey: string;
  concurrency: number;
  priority: number;
  /** Null leaves it as it is; a new account is active. */
  status: 'active' | 'disabled' | null;
  models: string[] | null;
  modelMap: Record<string, string>;
  /** Null: all that the platform speaks. */
  protocols: Protocol[] | null;
  settings: AccountSettings;
  /** PEM; null trusts the public certificate authorities. */
  ca: string | null;
  /** Names. */
  groups: string[];
}

/** Throws UnknownName; nothing is changed then. One statement. */
export async function putAccount(db: Database, wish: AccountWish): Promise<Put> {
  const [row] = await db<{ unknown: string | null; id: number | null; created: boolean }[]>`
    with wished as (
      select wish.name, wish.place, groups.id
      from unnest(${wish.groups}::text[]) with ordinality as wish (name, place) left join groups on groups.name = wish.name
    ), put as (
      insert into accounts (name, platform, type, base_url, api_key, concurrency, priority, status, models, model_map, ca,
                            protocols, settings)
      select ${wish.name}::text, ${wish.platform}::text, ${wish.type}::text, ${wish.baseUrl}::text, ${wish.apiKey}::text,
             ${wish.concurrency}::int, ${wish.priority}::int, coalesce(${wish.status}::text, 'active'), ${wish.models}::text[],
             ${wish.modelMap}::jsonb, ${wish.ca}::text, ${wish.protocols}::text[], ${wish.settings}::jsonb
      where not exists (select from wished where id is null)
      on conflict (name) do update
      set platform = excluded.platform, type = excluded.type, base_url = excluded.base_url, api_key = excluded.api_key,
          concurrency = excluded.concurrency, priority = excluded.priority, status = coalesce(${wish.status}::text, accounts.status),
          models = excluded.models, model_map = excluded.model_map, ca = excluded.ca,
          protocols = excluded.protocols, settings = excluded.settings
      returning id, (xmax = 0) as created
    ), gone as (
      delete from account_groups using put
      where account_id = put.id and not exists (select from wished where wished.id = group_id)
    ), joined as (
      insert into account_groups (account_id, group_id)
      select distinct put.id, wished.id from put, wished
      on conflict do nothing
    )
    select (select name from wished where id is null order by place limit 1) as unknown, put.id, put.created
    from (select) as always left join put on true`;
  const { unknown, id, created } = row!;
  if (unknown !== null) throw new UnknownName('group', unknown);
  return { id: id!, created };
}
