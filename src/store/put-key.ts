/** Creates a key by its hash, or brings the one of that hash to the wish. A revoked key stays revoked. */
import type { Database } from './database.ts';
import type { Put } from './put-user.ts';
import { UnknownName } from './unknown-name.ts';

export interface KeyWish {
  /** SHA-256 of the key, hex. */
  keyHash: string;
  /** What may be shown of it. */
  prefix: string;
  name: string;
  /** Names. */
  user: string;
  group: string;
  /** Unix milliseconds; null never expires. */
  expiresAtMs: number | null;
  allowedModels: string[] | null;
  ipAllow: string[] | null;
  ipDeny: string[] | null;
}

/** Throws UnknownName. */
export async function putKey(db: Database, wish: KeyWish): Promise<Put> {
  const expiresAt = wish.expiresAtMs === null ? null : new Date(wish.expiresAtMs);
  const [row] = await db<{ user_id: number | null; group_id: number | null; id: number | null; created: boolean }[]>`
    with named as (
      select (select id from users where name = ${wish.user}) as user_id,
             (select id from groups where name = ${wish.group}) as group_id
    ), put as (
      insert into keys (key_hash, prefix, name, user_id, group_id, expires_at, allowed_models, ip_allow, ip_deny)
      select ${wish.keyHash}, ${wish.prefix}, ${wish.name}, user_id, group_id, ${expiresAt}::timestamptz,
             ${wish.allowedModels}::text[], ${wish.ipAllow}::text[], ${wish.ipDeny}::text[]
      from named
      where user_id is not null and group_id is not null
      on conflict (key_hash) do update
      set prefix = excluded.prefix, name = excluded.name, user_id = excluded.user_id, group_id = excluded.group_id,
          expires_at = excluded.expires_at, allowed_models = excluded.allowed_models, ip_allow = excluded.ip_allow,
          ip_deny = excluded.ip_deny
      returning id, (xmax = 0) as created
    )
    select named.user_id, named.group_id, put.id, put.created from named left join put on true`;
  if (row!.user_id === null) throw new UnknownName('user', wish.user);
  if (row!.group_id === null) throw new UnknownName('group', wish.group);
  return { id: row!.id!, created: row!.created };
}
