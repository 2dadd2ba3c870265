/**
 * Composition root of the usage-writer: rings → journal → PostgreSQL. On a worker thread of its own (`usage-writer-thread.ts`), or with
 * `threads.fronts: 0` on the main thread. Speaks no HTTP and decides nothing about requests; its only word to fronts is "refuse" in
 * `UsagePressure`.
 *
 *   start:      journals of ended processes are replayed (or PostgreSQL found away, or `usage.replayWaitMs` over) ──► ready
 *   flush:      drain rings ──► everything up to here committed, within `shutdown.flushMs` ──► flushed
 *   append:     a record of primary's ──► in the journal, synced ──► appended
 *   frontGone:  drain rings ──► what that front had open becomes rows ──► frontClosed
 *   adopt:      journals of processes that ended meanwhile are replayed ──► adopted
 *   drain:      drain rings, sync ──► committed, or the deadline ──► close ──► drained ──► its port closes
 *
 * The journal is found as it was left, whatever ended the writer.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, type Logger } from '#base/logger.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { C, CounterRow, CounterTable } from '#meter/counters.ts';
import { BatchStore } from '#store/batch-store.ts';
import { Alarms, type UsageAlarm } from '#usage/alarms.ts';
import { BatchPump } from '#usage/batch-pump.ts';
import type { JournalEnd } from '#usage/flush-waiters.ts';
import { JournalBound, refuseAtBytes } from '#usage/journal-bound.ts';
import { JournalFiles } from '#usage/journal-files.ts';
import { JournalReader } from '#usage/journal-reader.ts';
import { JournalWriter } from '#usage/journal-writer.ts';
import { OpenRecordTable, recordFrame, recoveredFrames } from '#usage/open-record-table.ts';
import { type PoisonRecord, setAside } from '#usage/poison-file.ts';
import { UsagePressure } from '#usage/pressure.ts';
import { KIND, type UsageRecord } from '#usage/record.ts';
import { UsageRingConsumer } from '#usage/ring.ts';
import { RingDrain } from '#usage/ring-drain.ts';
import type { PrimaryToWriter, WriterData, WriterToPrimary } from './protocol.ts';

/** What a drain keeps of its deadline for counting and closing. */
const CLOSE_MS = 100;

/** The usage-writer of the calling thread. It begins at once. */
export class UsageWriter {
  readonly #data: WriterData;
  readonly #log: Logger;
  readonly #counters: CounterRow;
  readonly #pressure: UsagePressure;
  readonly #alarms = new Alarms((alarm, on, text) => this.#tellAlarm(alarm, on, text));
  readonly #files: JournalFiles;
  readonly #open: OpenRecordTable;
  readonly #writer: JournalWriter;
  readonly #store: BatchStore;
  readonly #bound: JournalBound;
  readonly #pump: BatchPump;
  readonly #drain: RingDrain;
  readonly #replayWait: NodeJS.Timeout;
  readonly #draining: Promise<void>;
  readonly #pumping: Promise<void>;
  #ready = false;
  #replayed = 0;

  constructor(data: WriterData) {
    const { config, shared, journalDir, port } = data;
    const { usage } = config;
    this.#data = data;
    this.#log = createLogger({ level: config.log.level, thread: 'usage-writer' });
    this.#counters = new CounterRow(shared.counters, new CounterTable(shared.counters).rows - 1);
    this.#pressure = new UsagePressure(shared.usagePressure);
    this.#files = JournalFiles.open(journalDir, (text) => this.#alarms.raise('poison_record', text));
    this.#open = new OpenRecordTable(shared.usageRings.length, config.limits.exchangesPerFront);
    this.#writer = new JournalWriter({
      files: this.#files,
      journalId: randomUUID(),
      segmentBytes: usage.segmentBytes,
      carried: () => this.#open.frames(),
    });
    this.#store = new BatchStore(data.databaseUrl, {
      connectTimeoutMs: config.database.connectTimeoutMs,
      timeoutMs: usage.batchTimeoutMs,
    });
    this.#bound = this.#makeBound();
    this.#pump = this.#makePump();
    this.#drain = this.#makeDrain();
    this.#replayWait = setTimeout(() => this.#becomeReady(this.#replayed, true), usage.replayWaitMs);
    this.#bound.update(this.#files.bytes);
    port.on('message', (message: PrimaryToWriter) => this.#receive(message));
    this.#draining = this.#drain.run();
    this.#pumping = this.#pump.run();
  }

  #makeBound(): JournalBound {
    const { config, shared } = this.#data;
    const refuseAt = refuseAtBytes({ ...config.usage, fronts: shared.usageRings.length });
    return new JournalBound(this.#pressure, refuseAt, (refuse, bytes) => {
      if (refuse)
        this.#alarms.raise('journal_near_bound', `the journal holds ${bytes} bytes: new requests are refused`);
      else this.#alarms.clear('journal_near_bound');
    });
  }

  #makePump(): BatchPump {
    const { batchRows, batchBytes, batchMs } = this.#data.config.usage;
    return new BatchPump({
      reader: new JournalReader(this.#files),
      store: this.#store,
      batchRows,
      batchBytes,
      batchMs,
      setAside: (poison) => this.#keepPoison(poison),
      adopt: () => this.#files.adopt(),
      events: {
        onAlarm: (alarm, on, text) => {
          if (alarm === 'database_away') this.#pressure.databaseAway = on;
          this.#tellAlarm(alarm, on, text);
        },
        onCommitted: ({ rows, inserted, duplicates, own }) => {
          if (!own) this.#replayed += rows;
          this.#counters.add(C.batches);
          this.#counters.add(C.rowsCommitted, inserted);
          this.#counters.add(C.rowsDuplicate, duplicates);
          this.#noteWaiting();
        },
        onFailed: () => this.#counters.add(C.batchFailures),
        onBalances: (entries) => this.#tell({ type: 'balances', entries }),
        onReplayed: (replayedRows) => this.#becomeReady(replayedRows, false),
        onDropped: () => this.#bound.update(this.#files.bytes),
      },
    });
  }

  #makeDrain(): RingDrain {
    const { config, shared } = this.#data;
    const doorbells = new Doorbells(shared.doorbells);
    return new RingDrain({
      rings: shared.usageRings.map((ring) => new UsageRingConsumer(ring)),
      pressure: this.#pressure,
      writer: this.#writer,
      open: this.#open,
      syncMs: config.usage.syncMs,
      journaled: config.usage.durability === 'journaled',
      events: {
        onAppended: (rows, bytes) => {
          this.#counters.add(C.journalRecords, rows);
          this.#counters.add(C.journalBytes, bytes);
          this.#bound.update(this.#files.bytes);
          this.#pump.noteAppended(rows);
          this.#noteWaiting();
        },
        onSynced: () => this.#counters.add(C.journalSyncs),
        onDurable: (front) => doorbells.ring(front),
        onDisk: (error) => {
          this.#bound.noteDisk(error !== null);
          if (error !== null) this.#alarms.raise('journal_failed', `the journal cannot be written: ${error.message}`);
          else this.#alarms.clear('journal_failed');
        },
      },
    });
  }

  #receive(message: PrimaryToWriter): void {
    switch (message.type) {
      case 'flush':
        return void this.#flush(message.id);
      case 'append':
        return this.#append(message.id, message.record);
      case 'frontGone':
        return this.#closeFront(message.front);
      case 'adopt':
        return void this.#adopt(message.id, message.userIds);
      case 'drain':
        return void this.#end(message.deadlineMs);
    }
  }

  /** Of a kind that no front has booked; a second copy, after a failure of the disk, is the same row. */
  #append(id: number, record: UsageRecord): void {
    const kept = this.#drain.append(recordFrame(record), 1);
    this.#tell({ type: 'appended', id, kept });
  }

  /** Service does not wait for a long replay: balances follow as its batches are committed. */
  #becomeReady(replayedRows: number, replaying: boolean): void {
    if (this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#replayWait);
    this.#tell({ type: 'ready', replayedRows, replaying });
  }

  /** When the disk takes nothing, its open records stay in the table: they become rows at the end of this process or after it. */
  #closeFront(front: number): void {
    const kept = this.#drain.drain();
    const payloads = this.#open.takeFront(front);
    const rows = kept && this.#interrupt(payloads) ? payloads.length : 0;
    if (rows < payloads.length) for (const payload of payloads) this.#open.note(front, KIND.open, payload);
    this.#tell({ type: 'frontClosed', front, rows });
  }

  /** False when the disk does not take the rows. */
  #interrupt(payloads: Buffer[]): boolean {
    this.#counters.add(C.rowsRecovered, payloads.length);
    return payloads.length === 0 || this.#drain.append(recoveredFrames(payloads), payloads.length);
  }

  async #adopt(id: number, userIds: number[]): Promise<void> {
    const replayedRows = await this.#pump.adopt(userIds);
    this.#bound.update(this.#files.bytes);
    this.#tell({ type: 'adopted', id, replayedRows });
  }

  async #flush(id: number): Promise<void> {
    const kept = this.#drain.drain();
    const boundMs = this.#data.config.shutdown.flushMs;
    const flushed = kept && (await inTime(this.#pump.flush(this.#journalEnd()), boundMs));
    const reason = kept ? (this.#pump.awayReason ?? 'PostgreSQL is too slow') : 'the journal cannot be written';
    this.#tell({ type: 'flushed', id, error: flushed ? null : `not everything is in PostgreSQL yet: ${reason}` });
  }

  async #end(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    this.#drain.stop();
    await this.#draining;
    // Fronts have settled everything by now; what is still open had no end.
    const kept = this.#drain.drain() && this.#interrupt(this.#open.takeAll()) && this.#drain.sync();
    await inTime(this.#pump.flush(this.#journalEnd()), Math.max(0, endMs - performance.now() - CLOSE_MS));
    if (kept) this.#writer.close();
    await this.#finishPump(Math.max(0, endMs - performance.now() - CLOSE_MS));
    const rowsWaiting = this.#pump.countWaiting();
    this.#files.close();
    this.#log.info({ rowsWaiting }, 'usage-writer ends');
    this.#tell({ type: 'drained', rowsWaiting });
    this.#data.port.close();
  }

  /** Lets the pump delete what is done, then ends it; what is in flight at the deadline is broken off and settled by the fence. */
  async #finishPump(leftMs: number): Promise<void> {
    await inTime(this.#pump.flush(this.#journalEnd()), leftMs);
    this.#pump.stop();
    await this.#store.close();
    await this.#pumping;
  }

  /** Where the journal ends now. */
  #journalEnd(): JournalEnd {
    const last = this.#files.segments.findLast((segment) => segment.own);
    return last === undefined ? { number: 0, offset: 0 } : { number: last.number, offset: last.bytes };
  }

  #keepPoison(poison: PoisonRecord): void {
    this.#counters.add(C.rowsPoison);
    const { journalId, segment, payload } = poison;
    if (payload.length === 0) this.#files.keepBad({ journalId, number: segment });
    setAside(this.#data.journalDir, poison);
  }

  #noteWaiting(): void {
    this.#pressure.recordsWaiting = this.#pump.recordsWaiting;
  }

  #tellAlarm(alarm: UsageAlarm, on: boolean, text: string): void {
    this.#tell({ type: 'alarm', alarm, on, text });
  }

  #tell(message: WriterToPrimary): void {
    this.#data.port.postMessage(message);
  }
}

async function inTime(promise: Promise<void>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([promise.then(() => true), late]);
  timer.abort();
  return done;
}
