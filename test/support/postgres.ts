/**
 * PostgreSQL for tests: one server a test process, started when the first test asks, stopped and removed after the last; a fresh
 * database for each test, cloned from a template that is migrated once.
 */
import { randomBytes } from 'node:crypto';
import { after, type TestContext } from 'node:test';
import { type DatabasePool, openDatabase } from '#store/database.ts';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { migrate } from '#store/migrate.ts';
import { TestPostgres } from './test-postgres.ts';

const TEMPLATE = 'penstock_template';
/** What a lost test machine would cost; tests of durability kill processes, not machines. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '32MB' };

export interface TestDatabase {
  url: string;
  db: DatabasePool;
  server: TestPostgres;
  /** Kills the server's side of every connection whose application name starts so. Resolves to how many. */
  terminate(applicationName: string): Promise<number>;
}

let starting: Promise<TestPostgres> | null = null;

after(async () => {
  if (starting !== null) await (await starting).remove();
});

/** A migrated database with this month's and the next month's partitions; gone after the test. */
export async function freshDatabase(t: TestContext): Promise<TestDatabase> {
  starting ??= startServer();
  const server = await starting;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(server, (admin) => admin.unsafe(`create database ${name} template ${TEMPLATE}`));
  const url = urlOf(server, name);
  const db = open(url);
  t.after(async () => {
    await db.end();
    await asAdmin(server, (admin) => admin.unsafe(`drop database ${name} with (force)`));
  });
  return { url, db, server, terminate: (applicationName) => terminate(server, name, applicationName) };
}

async function startServer(): Promise<TestPostgres> {
  const server = await TestPostgres.start(FAST);
  await asAdmin(server, (admin) => admin.unsafe(`create database ${TEMPLATE}`));
  const db = open(urlOf(server, TEMPLATE));
  await migrate(db);
  await ensurePartitions(db, new Date());
  await db.end();
  return server;
}

function open(url: string): DatabasePool {
  return openDatabase(url, {
    connections: 3,
    statementTimeoutMs: 30_000,
    connectTimeoutMs: 5_000,
    applicationName: 'penstock test',
  });
}

function urlOf(server: TestPostgres, database: string): string {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return url.href;
}

async function asAdmin(server: TestPostgres, work: (admin: DatabasePool) => Promise<unknown>): Promise<void> {
  const admin = open(server.url);
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

async function terminate(server: TestPostgres, database: string, applicationName: string): Promise<number> {
  let count = 0;
  await asAdmin(server, async (admin) => {
    const rows = await admin`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = ${database} and starts_with(application_name, ${applicationName})`;
    count = rows.length;
  });
  return count;
}
