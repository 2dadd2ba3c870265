/** Everything of the catalog that fronts need at any time: groups and accounts. Keys and users are looked up when they are used. */
import type { AccountSettings, Platform, Protocol } from '#base/protocols.ts';
import type { Database } from './database.ts';

export interface CatalogAccount {
  id: number;
  name: string;
  platform: Platform;
  baseUrl: string;
  apiKey: string;
  priority: number;
  concurrency: number;
  status: 'active' | 'disabled';
  modelMap: Record<string, string>;
  models: string[] | null;
  /** PEM of the upstream's private certificate authority; null trusts the public ones. */
  ca: string | null;
  /** Null: all that the platform speaks. */
  protocols: Protocol[] | null;
  settings: AccountSettings;
}

export interface CatalogGroup {
  id: number;
  name: string;
  platform: Platform;
  multiplierMicros: number;
  /** Model pattern → the platform that serves it. */
  modelPlatforms: Record<string, Platform>;
  /** Ids, ascending. */
  accounts: number[];
}

export interface CatalogRows {
  groups: CatalogGroup[];
  accounts: CatalogAccount[];
}

/** One statement, so that groups and accounts are of the same moment. */
export async function loadCatalog(db: Database): Promise<CatalogRows> {
  const [row] = await db<CatalogRows[]>`
    with account as (
      select id, name, platform, base_url as "baseUrl", api_key as "apiKey", priority, concurrency, status,
             model_map as "modelMap", models, ca, protocols, settings
      from accounts
    ), "group" as (
      select groups.id, groups.name, groups.platform, groups.multiplier_micros as "multiplierMicros",
             groups.model_platforms as "modelPlatforms",
             array_remove(array_agg(account_groups.account_id order by account_groups.account_id), null) as accounts
      from groups
      left join account_groups on account_groups.group_id = groups.id
      group by groups.id
    )
    select coalesce((select json_agg(account order by id) from account), '[]') as accounts,
           coalesce((select json_agg("group" order by id) from "group"), '[]') as groups`;
  return { groups: row!.groups, accounts: row!.accounts };
}
