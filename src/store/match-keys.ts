/** Keys named by hash, by id or by the beginning of their display prefix; revoked ones included, at most 100. */
import type { Database } from './database.ts';

/** Any of them may fit; null or empty: not this way. */
export interface KeySelector {
  keyHash: string;
  id: number | null;
  prefix: string;
}

export interface KeyMatch {
  id: number;
  keyHash: string;
  prefix: string;
}

export async function matchKeys(db: Database, selector: KeySelector): Promise<KeyMatch[]> {
  const { keyHash, id, prefix } = selector;
  return await db<KeyMatch[]>`
    select id, key_hash as "keyHash", prefix from keys
    where key_hash = ${keyHash} or id = ${id} or (${prefix} <> '' and starts_with(prefix, ${prefix}))
    order by id
    limit 100`;
}
