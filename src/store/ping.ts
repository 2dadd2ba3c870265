/** Whether PostgreSQL answers, which version it is, and how long the round trip takes. */
import { nowMs } from '#base/clock.ts';
import type { Database } from './database.ts';

export async function ping(db: Database): Promise<{ version: string; latencyMs: number }> {
  const startMs = nowMs();
  const [row] = await db<{ server_version: string }[]>`show server_version`;
  return { version: row!.server_version, latencyMs: nowMs() - startMs };
}
