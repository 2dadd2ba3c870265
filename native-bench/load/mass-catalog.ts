/**
 * Fills the catalog of a data folder whose gateway is not running with as many accounts, users and keys as a scenario wants, some
 * thousand in a second. Keys follow from their names, so that a load knows them without asking.
 */
import type { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { startEmbeddedPostgres } from '../../src/supervise/embedded-postgres.ts';
import { connectDatabase } from '../../test/support/test-postgres.ts';
import type { Rig } from '../scenarios/scenario.ts';

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };
/** A lost machine loses a benchmark's catalog, no more. */
const LOADING = { fsync: 'off', synchronous_commit: 'off' };
const BALANCE_NANO_USD = 1_000_000_000_000_000n;

/** Runs the work on a migrated database of this folder, then stops PostgreSQL. */
export async function fillCatalog(
  rig: Pick<Rig, 'ends'>,
  dataDir: string,
  work: (sql: Database) => Promise<void>,
): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDir, log: SILENT, settings: LOADING });
  rig.ends(() => server.stop());
  const sql = connectDatabase(server.url);
  try {
    await migrate(sql);
    await work(sql);
  } finally {
    await sql.end();
    await server.stop();
  }
}

/** The key of a user that was made here. */
export function keyOf(user: string): string {
  return `sk-ps-bench-${user}`;
}

export interface MassAccounts {
  group: string;
  count: number;
  baseUrl: string;
  concurrency: number;
}

/** A group with so many accounts, all alike but for their upstream keys, and a user of the group's name with a key for it. */
export async function addAccounts(sql: Database, { group, count, baseUrl, concurrency }: MassAccounts): Promise<void> {
  await addGroup(sql, group);
  await sql`
    with made as (
      insert into accounts (name, platform, type, base_url, api_key, concurrency, priority)
      select ${group} || '-' || i, 'anthropic', 'apikey', ${baseUrl}, 'sk-up-' || ${group} || '-' || i, ${concurrency}, 10
      from generate_series(1, ${count}::int) i
      returning id
    )
    insert into account_groups (account_id, group_id)
    select made.id, groups.id from made, groups where groups.name = ${group}`;
  await addUsers(sql, { names: [group], group, concurrency: 60_000 });
}

export interface MassUsers {
  names: readonly string[];
  group: string;
  concurrency: number;
}

/** Users with a balance and one key each. */
export async function addUsers(sql: Database, { names, group, concurrency }: MassUsers): Promise<void> {
  const nanoUsd = String(BALANCE_NANO_USD);
  await addGroup(sql, group);
  await sql`
    with made as (
      insert into users (name, concurrency) select unnest(${names}::text[]), ${concurrency}::int returning id, name
    ), opened as (
      insert into ledger_entries (user_id, kind, nano_usd, ref) select id, 'opening', ${nanoUsd}::bigint, 'opening' from made
    ), balanced as (
      insert into balances (user_id, nano_usd) select id, ${nanoUsd}::bigint from made
    )
    insert into keys (key_hash, prefix, user_id, group_id)
    select encode(sha256(convert_to(${keyOf('')} || made.name, 'UTF8')), 'hex'), 'sk-ps-bench', made.id, groups.id
    from made, groups where groups.name = ${group}`;
}

async function addGroup(sql: Database, name: string): Promise<void> {
  await sql`
    insert into groups (name, platform, multiplier_micros) values (${name}, 'anthropic', 1000000)
    on conflict (name) do nothing`;
}
