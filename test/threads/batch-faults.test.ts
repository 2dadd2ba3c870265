/** PostgreSQL lost, or frozen, in every phase of a batch: rows and debits come out once, and only once. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { PostgresProxy } from '../support/proxy-postgres.ts';
import { makeRecord, readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';
import { WriterHarness } from '../support/writer-harness.ts';

/** A text that is seen on the wire when a batch enters the phase. */
const PHASES = {
  'its transaction begins': 'begin',
  'its fence is moved': 'usage_fence',
  'COPY is asked for': 'copy usage_staging',
  'its rows are copied': 'claude-sonnet-4-5-20250929',
  'its rows are inserted': 'with inserted as',
  'it is committed': 'commit',
} as const;

interface Scene {
  database: TestDatabase;
  proxy: PostgresProxy;
  writer: WriterHarness;
}

async function makeScene(t: TestContext): Promise<Scene> {
  const database = await freshDatabase(t);
  await seedUsers(database.db, 1);
  const proxy = await PostgresProxy.start(database.url);
  t.after(() => proxy.close());
  const usage = { batchTimeoutMs: 600, batchMs: 5 };
  const writer = await WriterHarness.start(t, { databaseUrl: proxy.url, usage });
  await writer.record(makeRecord());
  assert.equal(await writer.flush(), null);
  return { database, proxy, writer };
}

async function assertBilledOnce({ database, writer }: Scene, made: number): Promise<void> {
  await waitFor('a flush that succeeds', async () => (await writer.flush()) === null, { boundMs: 20_000 });
  const nano = BigInt(made) * 1000n;
  assert.deepEqual(await readBooks(database.db), {
    rows: made,
    requests: made,
    chargedNanoUsd: nano,
    debitedNanoUsd: nano,
  });
  const told = writer.balances.reduce((sum, entry) => sum + entry.committedNanoUsd, 0n);
  assert.equal(told, nano, 'the shared ledger was told of each record once');
}

test('a COMMIT whose answer is lost is decided by the fence: never repeated, never forgotten', async (t) => {
  const scene = await makeScene(t);
  const { proxy, writer } = scene;
  let lost = 0;
  proxy.watch = (direction, bytes, cut) => {
    if (direction !== 'to client' || lost >= 4 || !bytes.includes('COMMIT\0')) return;
    lost++;
    cut();
  };
  let made = 1;
  for (let round = 0; round < 4; round++) {
    const before = lost;
    for (let i = 0; i < 30; i++, made++) await writer.record(makeRecord());
    await waitFor('a lost answer', () => lost > before);
  }
  await assertBilledOnce(scene, made);
  assert.equal(writer.counters.value('rowsDuplicate'), 0, 'the fence decided, the index was not needed');
  await writer.drain();
});

for (const [phase, text] of Object.entries(PHASES)) {
  test(`the connection is cut while a batch is under way, as ${phase}`, async (t) => {
    const scene = await makeScene(t);
    const { proxy, writer } = scene;
    let cuts = 0;
    proxy.watch = (direction, bytes, cut) => {
      if (direction !== 'to server' || cuts >= 2 || !bytes.includes(text)) return;
      cuts++;
      cut();
    };
    for (let i = 0; i < 60; i++) await writer.record(makeRecord());
    await waitFor('two cuts', () => cuts === 2);
    await assertBilledOnce(scene, 61);
    await writer.drain();
  });
}

for (const [phase, text] of Object.entries(PHASES)) {
  test(`PostgreSQL is frozen while a batch is under way, as ${phase}`, async (t) => {
    const scene = await makeScene(t);
    const { proxy, writer, database } = scene;
    let thaw: (() => void) | null = null;
    proxy.watch = (direction, bytes) => {
      if (thaw === null && direction === 'to server' && bytes.includes(text)) thaw = database.server.freeze();
    };
    try {
      for (let i = 0; i < 60; i++) await writer.record(makeRecord());
      await writer.alarm('database_away', true);
    } finally {
      (thaw as (() => void) | null)?.();
    }
    await assertBilledOnce(scene, 61);
    await writer.drain();
  });
}
