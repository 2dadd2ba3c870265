import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { JournalReader } from '#usage/journal-reader.ts';
import { JournalWriter } from '#usage/journal-writer.ts';
import { OpenRecordTable } from '#usage/open-record-table.ts';
import { pressureBytes, UsagePressure } from '#usage/pressure.ts';
import { UsageRingConsumer, UsageRingProducer, usageRingBytes } from '#usage/ring.ts';
import { RingDrain } from '#usage/ring-drain.ts';
import { JOURNAL, makeJournalDir, openJournal } from '../support/journal.ts';
import { makeRecord } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';

/** One front's ring, drained into a journal whose syncs are counted. */
class Bench {
  readonly pressure = new UsagePressure(new SharedArrayBuffer(pressureBytes()));
  readonly producer: UsageRingProducer;
  readonly reader: JournalReader;
  readonly drain: RingDrain;
  appended = 0;
  syncs = 0;

  constructor(t: TestContext, options: { syncMs: number; journaled?: boolean }) {
    const ring = new SharedArrayBuffer(usageRingBytes(1 << 20));
    this.producer = new UsageRingProducer(ring, this.pressure);
    const files = openJournal(makeJournalDir(t));
    this.reader = new JournalReader(files);
    const io = { write: writeSync, sync: () => {} };
    this.drain = new RingDrain({
      rings: [new UsageRingConsumer(ring)],
      pressure: this.pressure,
      writer: new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 1 << 24, io }),
      open: new OpenRecordTable(1, 10),
      syncMs: options.syncMs,
      journaled: options.journaled ?? false,
      events: {
        onAppended: (rows) => {
          this.appended += rows;
        },
        onSynced: () => {
          this.syncs++;
        },
        onDurable: () => {},
        onDisk: () => {},
      },
    });
    const running = this.drain.run();
    t.after(() => {
      this.drain.stop();
      return running;
    });
  }

  /** Returns the ring's position behind them. */
  push(records: number): number {
    for (let i = 0; i < records; i++) {
      assert.ok(this.producer.reserve());
      this.producer.push(makeRecord());
    }
    return this.producer.position;
  }

  async written(rows: number): Promise<void> {
    await waitFor(`${rows} rows in the journal`, () => this.appended === rows, { everyMs: 1 });
  }
}

test('records are written soon and synced rarely', async (t) => {
  const bench = new Bench(t, { syncMs: 500 });
  const startMs = performance.now();
  const first = bench.push(1);
  await waitFor('the first sync', () => bench.producer.isDurable(first), { everyMs: 1 });
  const syncs = bench.syncs;
  let last = first;
  for (let rows = 2; rows <= 20; rows++) {
    last = bench.push(1);
    await bench.written(rows);
  }
  const tookMs = performance.now() - startMs;
  assert.ok(bench.syncs - syncs <= Math.ceil(tookMs / 500), `${bench.syncs} syncs within ${tookMs} ms`);
  assert.equal(bench.reader.countWaiting(1 << 20), 20);
  await waitFor('the last sync, with nothing more to wake it', () => bench.producer.isDurable(last));
});

test('when answers wait for the disk every group is synced at once', async (t) => {
  const bench = new Bench(t, { syncMs: 60_000, journaled: true });
  for (let i = 0; i < 10; i++) {
    const position = bench.push(3);
    await waitFor('a sync', () => bench.producer.isDurable(position), { everyMs: 1 });
  }
  assert.ok(bench.syncs >= 10);
});

test('what a failed sync would have to write again is bounded, however rare syncs are', async (t) => {
  const bench = new Bench(t, { syncMs: 60_000 });
  const first = bench.push(1);
  await waitFor('the first sync', () => bench.producer.isDurable(first), { everyMs: 1 });
  let rows = 1;
  const syncs = bench.syncs;
  while (bench.syncs === syncs && rows < 20_000) {
    bench.push(200);
    rows += 200;
    await bench.written(rows);
  }
  assert.ok(rows > 2000 && rows < 8000, `${rows} records without a sync`);
});
