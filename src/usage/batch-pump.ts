/**
 * Moves the journal into PostgreSQL, batch after batch, for ever. The journal is the queue: what is read is always what lies behind
 * the fence, so a replay at start and a record of this moment take the same path, and memory is one batch.
 *
 *               ┌────────────────── fence unknown: read it ◄───────────────┐
 *               ▼                                                          │
 *   wait until due ──► read batch ──► commit ──┬─ committed ─► advance     │
 *        ▲                  ▲                  ├─ refused ─► half as many rows, or one record set aside
 *        │                  └──────────────────┘                           │
 *        │                                     ├─ moved, away ─► (pause) ──┘   the same batch again, or it was in after all
 *        └─ due: batchRows, batchBytes, batchMs, a flush, or records of an earlier process
 *
 * Behind the last segment of an ended process lie, as if written there, the rows of what it had open (`JournalReader.recover`): the
 * fence moves over them like over any other, so they are made once. Open records themselves are passed over without a transaction.
 *
 * While a batch is in flight the next one collects in the journal. The usage-writer only.
 */
import { Backoff } from '#base/backoff.ts';
import { nowMs } from '#base/clock.ts';
import { Adoptions } from './adoptions.ts';
import { Alarms } from './alarms.ts';
import { type BatchContent, decodeBatch } from './batch-content.ts';
import type { BatchPumpOptions } from './batch-pump-options.ts';
import { FlushWaiters, type JournalEnd } from './flush-waiters.ts';
import type { JournalBatch } from './journal-reader.ts';
import { OwedBalances } from './owed-balances.ts';
import { isRow } from './record.ts';
import type { CommitResult, Fence, UserBalance } from './usage-store.ts';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

export class BatchPump {
  readonly #options: BatchPumpOptions;
  readonly #alarms: Alarms;
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  /** Journal whose fence is known, and that fence. */
  #fenceOf: string | null = null;
  #fence: Fence | null = null;
  /** The batch that is tried until its outcome is known. */
  #batch: JournalBatch | null = null;
  /** Offsets in the head segment: records that PostgreSQL does not take, and everything already written to the poison file. */
  readonly #poison = new Set<number>();
  readonly #aside = new Set<number>();
  #rowsMax: number;
  #recordsWaiting = 0;
  #waitingSinceMs = 0;
  readonly #flushes = new FlushWaiters();
  readonly #owed = new OwedBalances();
  readonly #adoptions = new Adoptions();
  #replayedRows = 0;
  #replayed = false;
  #stopped = false;
  /** Nothing to do until records come. */
  #idle = false;
  #wake: () => void = () => {};

  constructor(options: BatchPumpOptions) {
    this.#options = options;
    this.#rowsMax = options.batchRows;
    this.#alarms = new Alarms(options.events.onAlarm);
  }

  /** Own records that wait for PostgreSQL. */
  get recordsWaiting(): number {
    return this.#recordsWaiting;
  }

  /** Why the database does not take records at the moment; null when it does. */
  get awayReason(): string | null {
    return this.#alarms.textOf('database_away');
  }

  /** Records were appended to the journal. */
  noteAppended(records: number): void {
    if (records === 0) return;
    if (this.#recordsWaiting === 0) this.#waitingSinceMs = nowMs();
    this.#recordsWaiting += records;
    if (this.#idle || this.#recordsWaiting >= this.#options.batchRows) this.#wake();
  }

  /** Resolves once everything that is in the journal up to this end is in PostgreSQL. */
  flush(end: JournalEnd): Promise<void> {
    const flushed = this.#flushes.add(end);
    this.#wake();
    return flushed;
  }

  /**
   * Takes over the journals of processes that have ended meanwhile. Resolves to the number of rows replayed for it, once these are in
   * PostgreSQL and the users' balances are told, or PostgreSQL is away.
   */
  adopt(userIds: readonly number[]): Promise<number> {
    const adopted = this.#adoptions.add(userIds, this.#replayedRows);
    this.#wake();
    return adopted;
  }

  /** Runs until `stop`. Throws only for bugs and for a disk that cannot be read. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const { reader } = this.#options;
      if (this.#adoptions.wanted && this.#batch === null) this.#look();
      await reader.recover();
      if (await this.#dropDone()) continue;
      if (!this.#isDrained() && this.#fenceOf !== reader.segment!.journalId) {
        // From the top either way: the fence may stand at the end of the segment, which then is done.
        await this.#learnFence(reader.segment!.journalId);
        continue;
      }
      this.#noteReplayed();
      if (this.#adoptions.waiting && !this.#adoptions.wanted && this.#headIsOwn()) await this.#answerAdoptions();
      this.#flushes.resolvePassed(reader);
      const waitMs = this.#dueInMs();
      if (waitMs > 0) await this.#pause(waitMs);
      else await this.#commitNext();
    }
  }

  /** Records in the journal that are not in PostgreSQL, of this process and of earlier ones; reads the files. */
  countWaiting(): number {
    return this.#options.reader.countWaiting(this.#options.batchBytes);
  }

  /** Ends `run` after the step it is in. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Nothing (more) in the head segment: no reason to ask PostgreSQL anything. */
  #isDrained(): boolean {
    return !this.#options.reader.hasMore;
  }

  /** Where the journal was read to; not known yet, after a pause, when PostgreSQL does not answer. */
  async #learnFence(journalId: string): Promise<void> {
    const { reader, store } = this.#options;
    try {
      const fence = await store.readFence(journalId);
      await this.#settleDoubt(journalId, fence);
      this.#fence = fence;
    } catch (error) {
      return await this.#away((error as Error).message);
    }
    this.#fenceOf = journalId;
    this.#alarms.clear('database_away');
    if (this.#batch === null && this.#fence !== null) {
      if (reader.seek(journalId, this.#fence.segment, this.#fence.offset).length > 0) this.#options.events.onDropped();
    }
  }

  /** The fence tells how the batch of unknown outcome ended. */
  async #settleDoubt(journalId: string, fence: Fence | null): Promise<void> {
    const batch = this.#batch;
    if (batch === null || batch.segment.journalId !== journalId || isSame(fence, this.#fence)) return;
    if (fence === null || fence.segment !== batch.segment.number || fence.offset !== batch.to) {
      this.#batch = null; // another process moved it: go where it stands
      return;
    }
    const content = this.#decode(batch);
    this.#finish(batch, content, { inserted: content.records.length, duplicates: 0 });
    await this.#tellBalances(batch, content, []);
  }

  async #commitNext(): Promise<void> {
    const { reader, store, batchBytes } = this.#options;
    this.#batch ??= reader.read({ rowsMax: this.#rowsMax, bytesMax: batchBytes });
    const batch = this.#batch;
    if (batch === null) return;
    if (batch.bad.length === 0 && !batch.frames.some((frame) => isRow(frame.kind))) return this.#passOver(batch);
    const content = this.#decode(batch);
    const { journalId, number } = batch.segment;
    const next = { segment: number, offset: batch.to };
    const result = await store.commit({ journalId, expected: this.#fence, next, records: content.records });
    await this.#settle(batch, content, result);
  }

  async #settle(batch: JournalBatch, content: BatchContent, result: CommitResult): Promise<void> {
    switch (result.kind) {
      case 'committed':
        this.#fence = { segment: batch.segment.number, offset: batch.to };
        this.#alarms.clear('database_away');
        if (result.strays > 0)
          this.#alarms.raise('default_partition', `${result.strays} rows have no month's partition`);
        this.#finish(batch, content, result);
        return await this.#tellBalances(batch, content, result.balances).catch(() => {});
      case 'refused':
        this.#options.events.onFailed();
        return this.#narrow(batch, content, result);
      case 'moved':
        this.#options.events.onFailed();
        this.#fenceOf = null;
        return;
      case 'away':
        this.#options.events.onFailed();
        this.#fenceOf = null;
        return await this.#away(result.reason);
    }
  }

  /** Open records only: PostgreSQL need not know, its fence follows with the next rows. */
  #passOver(batch: JournalBatch): void {
    this.#options.reader.advance(batch);
    this.#batch = null;
  }

  #finish(batch: JournalBatch, { rows }: BatchContent, done: { inserted: number; duplicates: number }): void {
    const { own } = batch.segment;
    this.#options.reader.advance(batch);
    this.#batch = null;
    for (const offset of this.#poison) if (offset < batch.to) this.#poison.delete(offset);
    for (const offset of this.#aside) if (offset < batch.to) this.#aside.delete(offset);
    this.#backoff.reset();
    this.#rowsMax = Math.min(this.#options.batchRows, this.#rowsMax * 2);
    if (!own) this.#replayedRows += rows;
    else this.#recordsWaiting = this.#options.reader.empty ? 0 : Math.max(0, this.#recordsWaiting - rows);
    this.#waitingSinceMs = nowMs();
    this.#options.events.onCommitted({ rows, inserted: done.inserted, duplicates: done.duplicates, own });
  }

  /** Finds the record that PostgreSQL does not take by halving, and sets it aside. */
  #narrow(batch: JournalBatch, content: BatchContent, refused: { index: number | null; reason: string }): void {
    const index = content.records.length === 1 ? 0 : refused.index;
    this.#batch = null;
    if (index === null) {
      this.#rowsMax = Math.max(1, content.records.length >> 1);
      return;
    }
    const frame = content.recordFrames[index]!;
    this.#poison.add(frame.start);
    this.#setAside(batch, frame.start, frame.payload, refused.reason);
  }

  #decode(batch: JournalBatch): BatchContent {
    return decodeBatch(batch, this.#poison, (offset, payload, reason) =>
      this.#setAside(batch, offset, payload, reason),
    );
  }

  #setAside(batch: JournalBatch, offset: number, payload: Buffer, reason: string): void {
    const { journalId, number } = batch.segment;
    if (this.#aside.has(offset)) return;
    this.#aside.add(offset);
    this.#options.setAside({ journalId, segment: number, offset, reason, payload });
    this.#alarms.raise('poison_record', `segment ${number} of journal ${journalId} at ${offset}: ${reason}`);
  }

  /** Throws when balances have to be asked for and the database does not answer. */
  async #tellBalances(batch: JournalBatch, content: BatchContent, known: UserBalance[]): Promise<void> {
    if (batch.segment.own) this.#owed.owe(content.chargedByUser);
    const entries = await this.#owed.settle(known, (userIds) => this.#options.store.readBalances(userIds));
    if (entries.length > 0) this.#options.events.onBalances(entries);
  }

  async #dropDone(): Promise<boolean> {
    const dropped = this.#options.reader.dropDone();
    if (dropped === null) return false;
    const next = this.#options.reader.segment;
    if (next?.journalId !== dropped.journalId) {
      const known = this.#fenceOf === dropped.journalId && this.#fence !== null;
      if (known && dropped.last) await this.#options.store.forgetFence(dropped.journalId).catch(() => {});
      this.#forgetHead();
    }
    this.#poison.clear();
    this.#aside.clear();
    this.#options.events.onDropped();
    return true;
  }

  /** What is found comes before this process's own journal; where that was read to, its fence will tell. */
  #look(): void {
    this.#adoptions.wanted = false;
    const before = this.#options.reader.segment;
    if (!this.#options.adopt() || this.#options.reader.segment === before) return;
    this.#options.reader.restart();
    this.#forgetHead();
  }

  async #answerAdoptions(): Promise<void> {
    const { store, events } = this.#options;
    try {
      const entries = await this.#owed.settle(await store.readBalances(this.#adoptions.userIds), (userIds) =>
        store.readBalances(userIds),
      );
      if (entries.length > 0) events.onBalances(entries);
    } catch {
      this.#fenceOf = null; // away: the next question finds out
    }
    this.#adoptions.answerAll(this.#replayedRows);
  }

  #headIsOwn(): boolean {
    return this.#options.reader.segment?.own !== false;
  }

  #noteReplayed(): void {
    if (this.#replayed || !this.#headIsOwn()) return;
    this.#replayed = true;
    this.#options.events.onReplayed(this.#replayedRows);
  }

  #forgetHead(): void {
    this.#fenceOf = null;
    this.#fence = null;
    this.#poison.clear();
    this.#aside.clear();
  }

  #dueInMs(): number {
    const { reader, batchRows, batchBytes, batchMs } = this.#options;
    const { segment } = reader;
    if (segment === null || this.#isDrained()) return Number.POSITIVE_INFINITY;
    if (!segment.own || segment.sealed || this.#flushes.waiting || this.#batch !== null) return 0;
    if (this.#recordsWaiting >= batchRows || segment.bytes - reader.offset >= batchBytes) return 0;
    return this.#waitingSinceMs + batchMs - nowMs();
  }

  async #away(reason: string): Promise<void> {
    if (this.#stopped) return;
    this.#alarms.raise('database_away', reason);
    if (!this.#replayed) {
      this.#replayed = true;
      this.#options.events.onReplayed(this.#replayedRows);
    }
    this.#adoptions.answerAll(this.#replayedRows);
    const endMs = nowMs() + this.#backoff.nextMs();
    while (!this.#stopped && nowMs() < endMs) await this.#pause(endMs - nowMs());
  }

  /** Until woken or the time is over. */
  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    this.#idle = ms === Number.POSITIVE_INFINITY;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (Number.isFinite(ms)) timer = setTimeout(resolve, Math.max(1, ms));
    });
    clearTimeout(timer);
    this.#wake = () => {};
  }
}

function isSame(a: Fence | null, b: Fence | null): boolean {
  return a?.segment === b?.segment && a?.offset === b?.offset;
}
