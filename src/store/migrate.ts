/**
 * Brings the schema to this version: the files of `migrations/` in the order of their names, each once, forward only. All of it is one
 * transaction under an advisory lock, so that any number of processes may start at once. A database that is further than this
 * version is left as it is: migrations work with the version before. Primary, at start.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabasePool } from './database.ts';

const MIGRATIONS_DIR = join(import.meta.dirname, 'migrations');
/** Any fixed number; nobody else in this database may use it for an advisory lock. */
const LOCK_ID = 7_073_656_734;
/** One statement may rewrite a large table, or wait for another process that does. */
const SILENCE_MS = 24 * 3_600_000;

/** Resolves to the names of the migrations that were applied. */
export async function migrate(db: DatabasePool): Promise<string[]> {
  const names = readdirSync(MIGRATIONS_DIR)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return await db.transaction(async (tx) => {
    await tx`set local statement_timeout = 0`;
    await tx`select pg_advisory_xact_lock(${LOCK_ID})`;
    await tx`
      create table if not exists schema_migrations (
        name text primary key,
        applied_at timestamptz not null default now()
      )`;
    const rows = await tx<{ name: string }[]>`select name from schema_migrations`;
    const applied = new Set(rows.map((row) => row.name));
    const missing = names.filter((name) => !applied.has(name));
    for (const name of missing) {
      await tx.unsafe(readFileSync(join(MIGRATIONS_DIR, name), 'utf8'));
      await tx`insert into schema_migrations (name) values (${name})`;
    }
    return missing;
  }, SILENCE_MS);
}
