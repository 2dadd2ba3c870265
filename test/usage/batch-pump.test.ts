import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BatchPump } from '#usage/batch-pump.ts';
import { FrameBuffer } from '#usage/frame-buffer.ts';
import { JournalFiles } from '#usage/journal-files.ts';
import { JournalReader } from '#usage/journal-reader.ts';
import { JournalWriter } from '#usage/journal-writer.ts';
import type { PoisonRecord } from '#usage/poison-file.ts';
import type { UsageRecord } from '#usage/record.ts';
import { decodeRecord, encodeRecord } from '#usage/record-codec.ts';
import type { BatchToCommit, CommitResult, Fence, UsageStore, UserBalance } from '#usage/usage-store.ts';
import { makeRecord } from '../support/usage-records.ts';
import { waitFor, within } from '../support/wait-for.ts';

/** A database in memory that does what the real one promises; `trouble` decides what a caller sees of a commit. */
class MemoryStore implements UsageStore {
  readonly fences = new Map<string, Fence>();
  readonly rows = new Map<string, UsageRecord>();
  readonly sizes: number[] = [];
  debited = 0n;
  away = false;
  trouble: (batch: BatchToCommit, commit: () => CommitResult) => CommitResult = (_, commit) => commit();

  async readFence(journalId: string): Promise<Fence | null> {
    if (this.away) throw new Error('away');
    return this.fences.get(journalId) ?? null;
  }

  async commit(batch: BatchToCommit): Promise<CommitResult> {
    if (this.away) return { kind: 'away', reason: 'away' };
    this.sizes.push(batch.records.length);
    return this.trouble(batch, () => this.#commit(batch));
  }

  async readBalances(userIds: number[]): Promise<UserBalance[]> {
    return userIds.map((userId) => ({ userId, balanceNanoUsd: -this.debited }));
  }

  async forgetFence(journalId: string): Promise<void> {
    this.fences.delete(journalId);
  }

  async close(): Promise<void> {}

  #commit({ journalId, expected, next, records }: BatchToCommit): CommitResult {
    const fence = this.fences.get(journalId) ?? null;
    if (fence?.segment !== expected?.segment || fence?.offset !== expected?.offset) return { kind: 'moved' };
    const decoded = records.map(decodeRecord);
    const fresh = decoded.filter((record) => !this.rows.has(record.requestId));
    for (const record of fresh) {
      this.rows.set(record.requestId, record);
      this.debited += record.chargedNanoUsd;
    }
    this.fences.set(journalId, next);
    const balances = [...new Set(decoded.map((record) => record.userId))].map((userId) => ({
      userId,
      balanceNanoUsd: -this.debited,
    }));
    return {
      kind: 'committed',
      inserted: fresh.length,
      duplicates: records.length - fresh.length,
      strays: 0,
      balances,
    };
  }
}

class Bench {
  readonly dir = mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  readonly files = JournalFiles.open(this.dir, () => {});
  readonly writer = new JournalWriter({ files: this.files, journalId: randomUUID(), segmentBytes: 20_000 });
  readonly store: MemoryStore;
  readonly poison: PoisonRecord[] = [];
  readonly told: bigint[] = [];
  readonly pump: BatchPump;
  readonly running: Promise<void>;
  replayed: number | null = null;

  constructor(t: TestContext, store = new MemoryStore(), limits: { batchRows?: number; batchMs?: number } = {}) {
    this.store = store;
    this.pump = new BatchPump({
      reader: new JournalReader(this.files),
      store,
      batchRows: limits.batchRows ?? 100,
      batchBytes: 1 << 20,
      batchMs: limits.batchMs ?? 5,
      setAside: (poison) => this.poison.push(poison),
      adopt: () => this.files.adopt(),
      events: {
        onAlarm: () => {},
        onCommitted: () => {},
        onFailed: () => {},
        onBalances: (entries) => this.told.push(...entries.map((entry) => entry.committedNanoUsd)),
        onReplayed: (rows) => {
          this.replayed = rows;
        },
        onDropped: () => {},
      },
    });
    this.running = this.pump.run();
    t.after(() => this.end());
  }

  append(...records: UsageRecord[]): void {
    const frames = new FrameBuffer(1 << 20);
    for (const record of records) frames.add(encodeRecord(record));
    this.writer.append(frames.bytes);
    this.pump.noteAppended(records.length);
  }

  async flush(): Promise<void> {
    const last = this.files.segments.at(-1);
    const end = last === undefined ? { number: 0, offset: 0 } : { number: last.number, offset: last.bytes };
    await within('a flush', 10_000, this.pump.flush(end));
  }

  get toldNano(): bigint {
    return this.told.reduce((sum, nano) => sum + nano, 0n);
  }

  async end(): Promise<void> {
    this.pump.stop();
    await this.running;
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function records(count: number, fields: Partial<UsageRecord> = {}): UsageRecord[] {
  return Array.from({ length: count }, () => makeRecord(fields));
}

test('a commit whose answer is lost is found in the fence: not repeated, and told to the shared ledger once', async (t) => {
  const bench = new Bench(t);
  const { store } = bench;
  let lost = 0;
  store.trouble = (_, commit) => {
    commit();
    return ++lost <= 3 ? { kind: 'away', reason: 'connection lost after commit' } : commit();
  };
  bench.append(...records(10));
  await bench.flush();
  store.trouble = (_, commit) => commit();
  bench.append(...records(5));
  await bench.flush();
  assert.equal(store.rows.size, 15);
  assert.equal(store.debited, 15_000n);
  assert.equal(bench.toldNano, 15_000n);
});

test('a batch that is committed late, after it was given up, is neither repeated nor forgotten', async (t) => {
  const bench = new Bench(t);
  const { store } = bench;
  let late: (() => CommitResult) | null = null;
  let calls = 0;
  store.trouble = (_, commit) => {
    calls++;
    if (calls === 1) {
      late = commit;
      return { kind: 'away', reason: 'timeout' };
    }
    if (calls === 2) {
      assert.equal(late!().kind, 'committed'); // the old backend was only slow
      return commit(); // so the second try finds the fence moved
    }
    return commit();
  };
  bench.append(...records(10));
  await waitFor('the first try', () => calls === 1);
  bench.append(...records(7));
  await bench.flush();
  assert.equal(store.rows.size, 17);
  assert.equal(store.debited, 17_000n);
  assert.equal(bench.toldNano, 17_000n);
});

test('refused records are found by halving; neighbours are committed, each refused one is set aside once', async (t) => {
  const bench = new Bench(t, new MemoryStore(), { batchMs: 1000 });
  bench.store.trouble = ({ records: some }, commit) => {
    if (some.some((record) => decodeRecord(record).model === 'bad'))
      return { kind: 'refused', index: null, reason: 'no' };
    return commit();
  };
  const all = records(90);
  for (const index of [0, 41, 42, 89]) all[index] = makeRecord({ model: 'bad' });
  bench.append(...all);
  await bench.flush();
  assert.equal(bench.store.rows.size, 86);
  assert.equal(bench.poison.length, 4);
  assert.equal(new Set(bench.poison.map((poison) => poison.offset)).size, 4);
  assert.equal(bench.toldNano, 90_000n);
  assert.ok(bench.store.sizes.length < 80, `${bench.store.sizes.length} tries`);
});

test('when the store knows which record it refuses, no halving is needed', async (t) => {
  const bench = new Bench(t, new MemoryStore(), { batchMs: 1000 });
  bench.store.trouble = ({ records: some }, commit) => {
    const index = some.findIndex((record) => decodeRecord(record).model === 'bad');
    return index >= 0 ? { kind: 'refused', index, reason: 'no' } : commit();
  };
  bench.append(...records(40), makeRecord({ model: 'bad' }), ...records(40), makeRecord({ model: 'bad' }));
  await bench.flush();
  assert.deepEqual(bench.store.sizes, [82, 81, 80]);
  assert.equal(bench.poison.length, 2);
});

test('a batch is due by rows, by age, or by a flush', async (t) => {
  const bench = new Bench(t, new MemoryStore(), { batchRows: 10, batchMs: 60_000 });
  bench.append(...records(9));
  bench.append(makeRecord());
  await waitFor('ten rows', () => bench.store.rows.size === 10);
  bench.append(makeRecord());
  await bench.flush();
  assert.equal(bench.store.rows.size, 11);
  const aged = new Bench(t, new MemoryStore(), { batchRows: 1000, batchMs: 30 });
  aged.append(makeRecord());
  await waitFor('thirty milliseconds', () => aged.store.rows.size === 1);
});

test('a flush waits for what was there before it, not for what comes after', async (t) => {
  const bench = new Bench(t, new MemoryStore(), { batchMs: 60_000 });
  bench.append(...records(3));
  bench.store.away = true;
  let done = false;
  const flushing = bench.flush().then(() => {
    done = true;
  });
  bench.append(...records(3));
  await waitFor('a try that fails', () => bench.pump.awayReason !== null);
  assert.equal(done, false);
  bench.store.away = false;
  await flushing;
  assert.ok(bench.store.rows.size >= 3);
});

test('the journal shrinks as segments are done, and a new life replays what is left', async (t) => {
  const first = new Bench(t);
  for (let i = 0; i < 20; i++) first.append(...records(20));
  await first.flush();
  await waitFor('done segments to be deleted', () => first.files.segments.length === 1);
  assert.equal(first.store.rows.size, 400);
  assert.equal(first.replayed, 0);
});

test('a store that is away at start does not hold up the start', async (t) => {
  const store = new MemoryStore();
  store.away = true;
  const bench = new Bench(t, store);
  bench.append(makeRecord());
  await waitFor('readiness', () => bench.replayed === 0);
  await waitFor('the alarm', () => bench.pump.awayReason !== null);
  store.away = false;
  await bench.flush();
  assert.equal(bench.pump.awayReason, null);
  assert.equal(store.rows.size, 1);
});
