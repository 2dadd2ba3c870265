/** All accounts by name, with the names of their groups and without their credentials, in one statement. */
import type { AccountSettings, Platform, Protocol } from '#base/protocols.ts';
import type { Database } from './database.ts';

export interface AccountListing {
  id: number;
  name: string;
  platform: Platform;
  type: string;
  baseUrl: string;
  status: 'active' | 'disabled';
  concurrency: number;
  priority: number;
  groups: string[];
  models: string[] | null;
  modelMap: Record<string, string>;
  /** Null: all that the platform speaks. */
  protocols: Protocol[] | null;
  settings: AccountSettings;
  /** Whether its upstream has a certificate authority of its own. */
  privateCa: boolean;
  createdAtMs: number;
}

export async function listAccounts(db: Database): Promise<AccountListing[]> {
  const rows = await db<(Omit<AccountListing, 'createdAtMs'> & { created_at: Date })[]>`
    select accounts.id, accounts.name, accounts.platform, accounts.type, accounts.base_url as "baseUrl", accounts.status,
           accounts.concurrency, accounts.priority, accounts.models, accounts.model_map as "modelMap", accounts.created_at,
           accounts.ca is not null as "privateCa", accounts.protocols, accounts.settings,
           array_remove(array_agg(groups.name order by groups.name), null) as groups
    from accounts
    left join account_groups on account_groups.account_id = accounts.id
    left join groups on groups.id = account_groups.group_id
    group by accounts.id
    order by accounts.name`;
  return rows.map(({ created_at, ...account }) => ({ ...account, createdAtMs: created_at.getTime() }));
}
