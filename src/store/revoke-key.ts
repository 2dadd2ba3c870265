/** Ends a key for ever; the notification of its row tells every front. */
import type { Database } from './database.ts';

export async function revokeKey(db: Database, id: number): Promise<void> {
  await db`update keys set status = 'revoked' where id = ${id} and status <> 'revoked'`;
}
