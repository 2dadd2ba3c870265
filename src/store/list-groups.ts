/** All groups by name, with the names of their accounts, in one statement. */
import type { Platform } from '#base/protocols.ts';
import type { Database } from './database.ts';

export interface GroupListing {
  id: number;
  name: string;
  platform: Platform;
  multiplierMicros: number;
  modelPlatforms: Record<string, Platform>;
  accounts: string[];
  createdAtMs: number;
}

export async function listGroups(db: Database): Promise<GroupListing[]> {
  const rows = await db<(Omit<GroupListing, 'createdAtMs'> & { created_at: Date })[]>`
    select groups.id, groups.name, groups.platform, groups.multiplier_micros as "multiplierMicros", groups.created_at,
           groups.model_platforms as "modelPlatforms",
           array_remove(array_agg(accounts.name order by accounts.name), null) as accounts
    from groups
    left join account_groups on account_groups.group_id = groups.id
    left join accounts on accounts.id = account_groups.account_id
    group by groups.id
    order by groups.name`;
  return rows.map(({ created_at, ...group }) => ({ ...group, createdAtMs: created_at.getTime() }));
}
