/** All keys, by user and age, with names instead of ids, in one statement. The hash stays here. */
import type { Database } from './database.ts';

export interface KeyListing {
  id: number;
  prefix: string;
  name: string;
  user: string;
  group: string;
  status: 'active' | 'revoked';
  expiresAtMs: number | null;
  allowedModels: string[] | null;
  ipAllow: string[] | null;
  ipDeny: string[] | null;
  createdAtMs: number;
}

type Row = Omit<KeyListing, 'expiresAtMs' | 'createdAtMs'> & { expires_at: Date | null; created_at: Date };

export async function listKeys(db: Database): Promise<KeyListing[]> {
  const rows = await db<Row[]>`
    select keys.id, keys.prefix, keys.name, users.name as "user", groups.name as "group", keys.status, keys.expires_at,
           keys.allowed_models as "allowedModels", keys.ip_allow as "ipAllow", keys.ip_deny as "ipDeny", keys.created_at
    from keys
    join users on users.id = keys.user_id
    join groups on groups.id = keys.group_id
    order by users.name, keys.id`;
  return rows.map(({ expires_at, created_at, ...key }) => ({
    ...key,
    expiresAtMs: expires_at?.getTime() ?? null,
    createdAtMs: created_at.getTime(),
  }));
}
