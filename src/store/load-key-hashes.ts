/** The hashes of all keys, in any state: what is not among them is nobody's key. */
import type { Database } from './database.ts';

export async function loadKeyHashes(db: Database): Promise<string[]> {
  const rows = await db<{ key_hash: string }[]>`select key_hash from keys`;
  return rows.map((row) => row.key_hash);
}
