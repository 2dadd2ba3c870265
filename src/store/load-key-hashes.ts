/** The hashes of all keys, in any state: what is not among them is nobody's key. Null when there are more than `keysMax`. */
import type { Database } from './database.ts';

export async function loadKeyHashes(db: Database, keysMax: number): Promise<string[] | null> {
  const rows = await db<{ key_hash: string }[]>`select key_hash from keys limit ${keysMax + 1}`;
  return rows.length > keysMax ? null : rows.map((row) => row.key_hash);
}
