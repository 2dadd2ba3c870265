/** The pool behind a proxy that cuts its connections: whatever is cut, the process lives and every connection works again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { asOneTransaction } from '#control/bind-store.ts';
import { type DatabaseOptions, type DatabasePool, openDatabase } from '#store/database.ts';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { loadCatalog } from '#store/load-catalog.ts';
import { migrate } from '#store/migrate.ts';
import { ping } from '#store/ping.ts';
import { freshDatabase } from '../support/postgres.ts';
import { type Cut, PostgresProxy } from '../support/proxy-postgres.ts';
import { TestPostgres } from '../support/test-postgres.ts';
import { waitFor, within } from '../support/wait-for.ts';

const CONNECTIONS = 3;
/** More packets than the longest of the works below sends and gets, connecting included. */
const MOMENTS = 60;
const BOUND_MS = 25_000;

function open(url: string, options: Partial<DatabaseOptions> = {}): DatabasePool {
  const limits = { connections: CONNECTIONS, statementTimeoutMs: 10_000, connectTimeoutMs: 10_000 };
  return openDatabase(url, { ...limits, applicationName: 'test', ...options });
}

/** Asks more than there are connections, so that each has to answer. */
async function everyConnectionAnswers(db: DatabasePool): Promise<boolean> {
  await Promise.all(Array.from({ length: 2 * CONNECTIONS }, () => ping(db)));
  return true;
}

async function poolBehindProxy(t: TestContext): Promise<{ db: DatabasePool; proxy: PostgresProxy }> {
  const { url } = await freshDatabase(t);
  const proxy = await PostgresProxy.start(url);
  const db = open(proxy.url);
  t.after(async () => {
    await db.end();
    await proxy.close();
  });
  return { db, proxy };
}

/** How many connections are cut, from the packet of a number on: one, or all for as long as the work takes. */
const CUTS: { count: number; how: Cut }[] = [1, Number.POSITIVE_INFINITY].flatMap((count) => [
  { count, how: 'end' },
  { count, how: 'reset' },
]);

async function cutAt(
  proxy: PostgresProxy,
  moment: number,
  { count, how }: (typeof CUTS)[number],
  work: () => Promise<unknown>,
): Promise<void> {
  let [packets, left] = [0, count];
  proxy.watch = (_direction, _bytes, cut) => {
    if (packets++ < moment || left === 0) return;
    left--;
    cut(how);
  };
  await within('an end of the work', BOUND_MS, work());
  proxy.watch = () => {};
}

function userWish(name: string): Parameters<Parameters<Parameters<typeof asOneTransaction>[1]>[0]['putUser']>[0] {
  return { name, concurrency: 1, status: null, balanceNanoUsd: 1n };
}

const WORKS: Record<string, (db: DatabasePool) => Promise<unknown>> = {
  'the catalog is loaded': (db) => loadCatalog(db),
  'several things are put as one': (db) =>
    asOneTransaction(db, async (store) => {
      await Promise.all(['a', 'b', 'c'].map((name) => store.putUser(userWish(name))));
      await store.putUser(userWish('d'));
    }),
  'partitions are made': (db) => ensurePartitions(db, new Date(Date.UTC(2040, 0))),
  'the schema is brought up to date': (db) => migrate(db),
  'one statement runs': (db) => ping(db),
};

for (const [title, work] of Object.entries(WORKS)) {
  test(`connections cut at any moment while ${title}: the process lives, and every connection works again`, async (t) => {
    const { db, proxy } = await poolBehindProxy(t);
    let failed = 0;
    for (const cut of CUTS) {
      for (let moment = 0; moment < MOMENTS; moment++) {
        await cutAt(proxy, moment, cut, async () => {
          const works = Array.from({ length: CONNECTIONS + 1 }, () => work(db));
          for (const end of await Promise.allSettled(works)) if (end.status === 'rejected') failed++;
        });
        await within('answers', BOUND_MS, everyConnectionAnswers(db));
      }
    }
    assert.ok(failed > 0);
  });
}

test('PostgreSQL killed while the pool is busy, again and again: the process lives, and every connection works again', async (t) => {
  const server = await TestPostgres.start();
  t.after(() => server.remove());
  const db = open(server.url);
  t.after(() => db.end());
  await migrate(db);
  let ended = false;
  const loops = Object.values(WORKS).map(async (work) => {
    while (!ended) await work(db).catch(() => setImmediate());
  });
  for (let round = 0; round < 5; round++) {
    await loadCatalog(db);
    await server.crash();
    await assert.rejects(ping(db));
    await server.start();
    await waitFor('answers', () => everyConnectionAnswers(db).catch(() => false));
  }
  ended = true;
  await within('an end of the works', BOUND_MS, Promise.all(loops));
});

test('a PostgreSQL that falls silent is given up in time, also by those who wait, and works again when it is back', async (t) => {
  const { url, server } = await freshDatabase(t);
  const db = open(url, { statementTimeoutMs: 100, connectTimeoutMs: 500 });
  t.after(() => db.end());
  await waitFor('answers', () => everyConnectionAnswers(db).catch(() => false));
  const thaw = server.freeze();
  const works = [...Object.values(WORKS), ...Object.values(WORKS)].map((work) => work(db));
  const ends = await within('an end of the works', BOUND_MS, Promise.allSettled(works)).finally(thaw);
  const reasons = ends.map((end) => String((end as PromiseRejectedResult).reason));
  for (const reason of reasons) assert.match(reason, /did not answer|came free within 100 ms/);
  assert.match(reasons.join(), /came free/);
  await waitFor('answers', () => everyConnectionAnswers(db).catch(() => false));
});

test('a transaction whose statement failed fails with it, also when the work goes on, and leaves nothing', async (t) => {
  const { db } = await freshDatabase(t);
  const work = db.transaction(async (tx) => {
    await tx`create table left_behind ()`;
    await tx`select 1 / 0`.catch(() => {});
    return 'done';
  });
  await assert.rejects(work, /division by zero/);
  const [row] = await db<{ there: boolean }[]>`select to_regclass('left_behind') is not null as there`;
  assert.equal(row!.there, false);
});

test('an end rejects those who wait for a connection, lets what is under way finish, and lends nothing after', async (t) => {
  const { url } = await freshDatabase(t);
  const db = open(url, { connections: 1 });
  const [running, waiting] = [db`select pg_sleep(0.05)`, db`select 1`];
  const refused = assert.rejects(waiting, /are closed/);
  const end = db.end();
  await Promise.all([running, refused, end]);
  await assert.rejects(ping(db), /are closed/);
});

test('what does not end is broken off by an end', async (t) => {
  const { url } = await freshDatabase(t);
  const db = open(url, { statementTimeoutMs: 60_000 });
  await ping(db);
  const running = assert.rejects(db`select pg_sleep(60)`, /lost|CLOSED/);
  await within('an end', BOUND_MS, Promise.all([db.end(), running]));
});

test('a connection that is still being made when the end has waited long enough is not kept', async (t) => {
  const { url } = await freshDatabase(t);
  const proxy = await PostgresProxy.start(url);
  t.after(() => proxy.close());
  proxy.delayMs = 300;
  const db = open(proxy.url, { connectTimeoutMs: 10_000 });
  const asking = assert.rejects(ping(db), /are closed/);
  await db.end();
  await within('an end', BOUND_MS, asking);
});
