/** Two gateway processes on one data folder, as a reload has them: nobody touches the journal of a process that lives. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDatabase } from '../support/postgres.ts';
import { makeRecord, readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';
import { WriterHarness } from '../support/writer-harness.ts';

const PROCESS = fileURLToPath(new URL('../support/writer-process.ts', import.meta.url));
/** Records collect in the journal: no batch is ever due. */
const NO_BATCHES = { batchMs: 60_000, batchRows: 100_000, batchBytes: 64 * 1024 * 1024 };

interface Other {
  process: ChildProcess;
  /** Records that its journal surely holds. */
  journaled(): number;
  kill(): Promise<void>;
}

async function startOther(t: TestContext, url: string, dir: string, usage: object): Promise<Other> {
  const args = ['--disable-warning=ExperimentalWarning', PROCESS, url, dir, JSON.stringify(usage)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const journaled = (): number => Number(text.trimEnd().split('\n').at(-1));
  await waitFor('records of the other process', () => journaled() > 300, { boundMs: 20_000 });
  return {
    process: child,
    journaled,
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

function journalDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('the journal of a living process is left alone; once it has ended, `adopt` bills what it left, and tells the balances', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const dir = journalDir(t);
  const other = await startOther(t, url, dir, NO_BATCHES);
  const writer = await WriterHarness.start(t, { databaseUrl: url, journalDir: dir });
  assert.equal(await writer.adopt(), 0);
  await writer.record(makeRecord({ userId: 2 }));
  assert.equal(await writer.flush(), null);
  assert.equal((await readBooks(db)).rows, 1, 'nothing of the other process');
  const segments = readdirSync(dir).filter((name) => name.endsWith('.journal'));
  assert.equal(new Set(segments.map((name) => name.slice(0, 36))).size, 2);
  await other.kill();
  writer.balances.length = 0;
  await writer.record(makeRecord({ userId: 2 }));
  const replayed = await writer.adopt([2]);
  assert.ok(replayed >= other.journaled(), `${replayed} of ${other.journaled()}`);
  assert.equal(await writer.flush(), null);
  const books = await readBooks(db);
  assert.deepEqual([books.rows, books.requests], [replayed + 2, replayed + 2]);
  assert.equal(books.debitedNanoUsd, books.chargedNanoUsd);
  const ofOther = writer.balances.filter((entry) => entry.userId === 1);
  assert.ok(
    ofOther.every((entry) => entry.committedNanoUsd === 0n),
    'no front of this process had booked it',
  );
  assert.equal(ofOther.at(-1)?.balanceNanoUsd, 1_000_000_000n - BigInt(replayed) * 1000n);
  assert.equal(writer.balances.findLast((entry) => entry.userId === 2)?.balanceNanoUsd, 1_000_000_000n - 2000n);
  assert.equal(await writer.adopt(), 0);
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(readdirSync(dir), [], 'no journal and no mark is left');
});

test('two living processes bill at the same time, each its own, and none of it twice', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const dir = journalDir(t);
  const other = await startOther(t, url, dir, { segmentBytes: 65_536 });
  const writer = await WriterHarness.start(t, {
    databaseUrl: url,
    journalDir: dir,
    usage: { batchMs: 2, segmentBytes: 65_536 },
  });
  let made = 0;
  for (const before = other.journaled(); other.journaled() < before + 2000; made++) {
    assert.equal(other.process.exitCode, null, 'the other process goes on');
    await writer.record(makeRecord());
  }
  await other.kill();
  await writer.adopt();
  assert.equal(await writer.flush(), null);
  const books = await readBooks(db);
  assert.ok(books.rows >= made + other.journaled());
  assert.equal(books.requests, books.rows);
  assert.equal(books.debitedNanoUsd, books.chargedNanoUsd);
  assert.equal(writer.counters.value('rowsDuplicate'), 0);
  assert.equal(await writer.drain(), 0);
});

test('service does not wait for a long replay: it is ready in time, and balances follow', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, {
    databaseUrl: url,
    usage: { replayWaitMs: 300, batchTimeoutMs: 30_000 },
  });
  const thaw = server.freeze();
  for (let i = 0; i < 200; i++) await writer.record(makeRecord());
  await waitFor('records in the journal', () => writer.counters.value('journalRecords') === 200);
  await writer.kill();
  const startedMs = performance.now();
  try {
    // PostgreSQL is slow, not away: it takes the connection and answers later.
    assert.equal(await writer.start(), 0);
    assert.equal(writer.replaying, true);
    assert.ok(performance.now() - startedMs < 15_000, `${Math.round(performance.now() - startedMs)} ms`);
    await writer.record(makeRecord());
  } finally {
    thaw();
  }
  await waitFor('the replay', async () => (await readBooks(db)).rows >= 200, { boundMs: 20_000 });
  await waitFor('the balance', () =>
    writer.balances.some((entry) => entry.balanceNanoUsd <= 1_000_000_000n - 200_000n),
  );
  assert.equal(await writer.flush(), null);
  assert.equal((await readBooks(db)).rows, 201);
  await writer.drain();
});
