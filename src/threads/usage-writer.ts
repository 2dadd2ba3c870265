/**
 * Composition root of the usage-writer, a worker thread of its own: rings → journal → PostgreSQL. Speaks no HTTP and decides
 * nothing about requests; its only word to fronts is "refuse" in `UsagePressure`.
 *
 *   start:      journals of ended processes are replayed (or PostgreSQL found away, or `usage.replayWaitMs` over) ──► ready
 *   flush:      drain rings ──► everything up to here committed, within `shutdown.flushMs` ──► flushed
 *   frontGone:  drain rings ──► what that front had open becomes rows ──► frontClosed
 *   adopt:      journals of processes that ended meanwhile are replayed ──► adopted
 *   drain:      drain rings, sync ──► committed, or the deadline ──► close ──► drained ──► the thread ends
 *
 * The journal is found as it was left, whatever ended the thread.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, workerData } from 'node:worker_threads';
import { createLogger } from '#base/logger.ts';
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
import { OpenRecordTable, recoveredFrames } from '#usage/open-record-table.ts';
import { type PoisonRecord, setAside } from '#usage/poison-file.ts';
import { UsagePressure } from '#usage/pressure.ts';
import { KIND } from '#usage/record.ts';
import { UsageRingConsumer } from '#usage/ring.ts';
import { RingDrain } from '#usage/ring-drain.ts';
import type { PrimaryToWriter, WriterData, WriterToPrimary } from './protocol.ts';

/** What a drain keeps of its deadline for counting and closing. */
const CLOSE_MS = 100;

const { config, shared, databaseUrl, journalDir, port: primary } = workerData as WriterData;
const port: MessagePort = primary;
const log = createLogger({ level: config.log.level, thread: 'usage-writer' });
const { usage } = config;
const counters = new CounterRow(shared.counters, new CounterTable(shared.counters).rows - 1);
const pressure = new UsagePressure(shared.usagePressure);
const alarms = new Alarms(tellAlarm);

const files = JournalFiles.open(journalDir, (text) => alarms.raise('poison_record', text));
const open = new OpenRecordTable(shared.usageRings.length, config.limits.exchangesPerFront);
const writer = new JournalWriter({
  files,
  journalId: randomUUID(),
  segmentBytes: usage.segmentBytes,
  carried: () => open.frames(),
});
const doorbells = new Doorbells(shared.doorbells);
const store = new BatchStore(databaseUrl, {
  connectTimeoutMs: config.database.connectTimeoutMs,
  timeoutMs: usage.batchTimeoutMs,
});
const bound = new JournalBound(
  pressure,
  refuseAtBytes({ ...usage, fronts: shared.usageRings.length }),
  (refuse, journalBytes) => {
    if (refuse) alarms.raise('journal_near_bound', `the journal holds ${journalBytes} bytes: new requests are refused`);
    else alarms.clear('journal_near_bound');
  },
);
const pump = new BatchPump({
  reader: new JournalReader(files),
  store,
  batchRows: usage.batchRows,
  batchBytes: usage.batchBytes,
  batchMs: usage.batchMs,
  setAside: keepPoison,
  adopt: () => files.adopt(),
  events: {
    onAlarm: (alarm, on, text) => {
      if (alarm === 'database_away') pressure.databaseAway = on;
      tellAlarm(alarm, on, text);
    },
    onCommitted({ rows, inserted, duplicates, own }) {
      if (!own) replayed += rows;
      counters.add(C.batches);
      counters.add(C.rowsCommitted, inserted);
      counters.add(C.rowsDuplicate, duplicates);
      noteWaiting();
    },
    onFailed: () => counters.add(C.batchFailures),
    onBalances: (entries) => tell({ type: 'balances', entries }),
    onReplayed: (replayedRows) => becomeReady(replayedRows, false),
    onDropped: () => bound.update(files.bytes),
  },
});
const drain = new RingDrain({
  rings: shared.usageRings.map((ring) => new UsageRingConsumer(ring)),
  pressure,
  writer,
  open,
  syncMs: usage.syncMs,
  journaled: usage.durability === 'journaled',
  events: {
    onAppended(rows, bytes) {
      counters.add(C.journalRecords, rows);
      counters.add(C.journalBytes, bytes);
      bound.update(files.bytes);
      pump.noteAppended(rows);
      noteWaiting();
    },
    onSynced: () => counters.add(C.journalSyncs),
    onDurable: (front) => doorbells.ring(front),
    onDisk(error) {
      bound.noteDisk(error !== null);
      if (error !== null) alarms.raise('journal_failed', `the journal cannot be written: ${error.message}`);
      else alarms.clear('journal_failed');
    },
  },
});

let ready = false;
let replayed = 0;
const replayWait = setTimeout(() => becomeReady(replayed, true), usage.replayWaitMs);

bound.update(files.bytes);
port.on('message', receive);
const draining = drain.run();
const pumping = pump.run();

function receive(message: PrimaryToWriter): void {
  switch (message.type) {
    case 'flush':
      return void flush(message.id);
    case 'frontGone':
      return closeFront(message.front);
    case 'adopt':
      return void adopt(message.id, message.userIds);
    case 'drain':
      return void end(message.deadlineMs);
  }
}

/** Service does not wait for a long replay: balances follow as its batches are committed. */
function becomeReady(replayedRows: number, replaying: boolean): void {
  if (ready) return;
  ready = true;
  clearTimeout(replayWait);
  tell({ type: 'ready', replayedRows, replaying });
}

/** When the disk takes nothing, its open records stay in the table: they become rows at the end of this process or after it. */
function closeFront(front: number): void {
  const kept = drain.drain();
  const payloads = open.takeFront(front);
  const rows = kept && interrupt(payloads) ? payloads.length : 0;
  if (rows < payloads.length) for (const payload of payloads) open.note(front, KIND.open, payload);
  tell({ type: 'frontClosed', front, rows });
}

/** False when the disk does not take the rows. */
function interrupt(payloads: Buffer[]): boolean {
  counters.add(C.rowsRecovered, payloads.length);
  return payloads.length === 0 || drain.append(recoveredFrames(payloads), payloads.length);
}

async function adopt(id: number, userIds: number[]): Promise<void> {
  const replayedRows = await pump.adopt(userIds);
  bound.update(files.bytes);
  tell({ type: 'adopted', id, replayedRows });
}

async function flush(id: number): Promise<void> {
  const kept = drain.drain();
  const flushed = kept && (await inTime(pump.flush(journalEnd()), config.shutdown.flushMs));
  const reason = kept ? (pump.awayReason ?? 'PostgreSQL is too slow') : 'the journal cannot be written';
  tell({ type: 'flushed', id, error: flushed ? null : `not everything is in PostgreSQL yet: ${reason}` });
}

async function end(deadlineMs: number): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  drain.stop();
  await draining;
  // Fronts have settled everything by now; what is still open had no end.
  const kept = drain.drain() && interrupt(open.takeAll()) && drain.sync();
  await inTime(pump.flush(journalEnd()), Math.max(0, endMs - performance.now() - CLOSE_MS));
  if (kept) writer.close();
  await finishPump(Math.max(0, endMs - performance.now() - CLOSE_MS));
  const rowsWaiting = pump.countWaiting();
  files.close();
  log.info({ rowsWaiting }, 'usage-writer ends');
  tell({ type: 'drained', rowsWaiting });
  port.close();
  // What a lost connection left of timers and sockets must not hold up the end of the process.
  process.exit(0);
}

/** Lets the pump delete what is done, then ends it; what is in flight at the deadline is broken off and settled by the fence. */
async function finishPump(leftMs: number): Promise<void> {
  await inTime(pump.flush(journalEnd()), leftMs);
  pump.stop();
  await store.close();
  await pumping;
}

/** Where the journal ends now. */
function journalEnd(): JournalEnd {
  const last = files.segments.findLast((segment) => segment.own);
  return last === undefined ? { number: 0, offset: 0 } : { number: last.number, offset: last.bytes };
}

async function inTime(promise: Promise<void>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([promise.then(() => true), late]);
  timer.abort();
  return done;
}

function keepPoison(poison: PoisonRecord): void {
  counters.add(C.rowsPoison);
  if (poison.payload.length === 0) files.keepBad({ journalId: poison.journalId, number: poison.segment });
  setAside(journalDir, poison);
}

function noteWaiting(): void {
  pressure.recordsWaiting = pump.recordsWaiting;
}

function tellAlarm(alarm: UsageAlarm, on: boolean, text: string): void {
  tell({ type: 'alarm', alarm, on, text });
}

function tell(message: WriterToPrimary): void {
  port.postMessage(message);
}
