/**
 * Takes records out of all rings into the journal: woken by the fronts' bell, never polling. A ring's room is given back once
 * write() has returned, so a record is either in shared memory or in the page cache, whatever kills the process in between.
 *
 *   asleep ──bell──► drain all rings ──► write ──► release ──► linger 1 ms ──► more? drain : sync when due ──► asleep
 *
 * Lingering bounds the wake-ups to about a thousand a second; syncing is by group, at most every `syncMs`. The usage-writer only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '#base/clock.ts';
import { FrameBuffer } from './frame-buffer.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { UsagePressure } from './pressure.ts';
import type { UsageRingConsumer } from './ring.ts';

const LINGER_MS = 1;
/** One write: about two thousand records. */
const WRITE_BYTES_MAX = 512 * 1024;
/** Pause after the disk refused a write or a sync. */
const DISK_RETRY_MS = 500;

export interface RingDrainOptions {
  rings: UsageRingConsumer[];
  pressure: UsagePressure;
  writer: JournalWriter;
  syncMs: number;
  events: {
    onAppended(records: number, bytes: number): void;
    onSynced(): void;
    /** The disk failed, or (null) works again. */
    onDisk(error: Error | null): void;
  };
}

export class RingDrain {
  readonly #options: RingDrainOptions;
  readonly #frames = new FrameBuffer(WRITE_BYTES_MAX);
  #syncedAtMs = 0;
  #diskFailed = false;
  #stopped = false;

  constructor(options: RingDrainOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const ok = this.drain() && this.#syncIfDue();
      if (!ok) await sleep(DISK_RETRY_MS);
      else if (this.#isIdle() && !this.#options.writer.dirty) await this.#options.pressure.sleep(() => this.#isIdle());
      else await sleep(LINGER_MS);
    }
  }

  /** Moves everything that is in the rings into the journal. False when the disk does not take it: it stays in the rings. */
  drain(): boolean {
    const { rings } = this.#options;
    try {
      for (const ring of rings) while (ring.pending) this.#moveSome(ring);
    } catch (error) {
      for (const ring of rings) ring.rewind();
      this.#noteDisk(error as Error);
      return false;
    }
    return true;
  }

  /** Syncs now. False when the disk failed. */
  sync(): boolean {
    const { writer, events } = this.#options;
    if (!writer.dirty) return true;
    try {
      writer.sync();
    } catch (error) {
      this.#noteDisk(error as Error);
      return false;
    }
    this.#syncedAtMs = nowMs();
    this.#noteDisk(null);
    events.onSynced();
    return true;
  }

  /** Ends `run`; what comes after is `drain` and `sync` by the caller. */
  stop(): void {
    this.#stopped = true;
    this.#options.pressure.wake();
  }

  #moveSome(ring: UsageRingConsumer): void {
    const frames = this.#frames;
    frames.clear();
    while (frames.hasRoom) {
      const record = ring.next();
      if (record === null) break;
      frames.add(record);
    }
    this.#options.writer.append(frames.bytes);
    ring.release();
    this.#options.events.onAppended(frames.records, frames.bytes.length);
  }

  #syncIfDue(): boolean {
    return nowMs() - this.#syncedAtMs < this.#options.syncMs || this.sync();
  }

  #isIdle(): boolean {
    return this.#stopped === false && this.#options.rings.every((ring) => !ring.pending);
  }

  #noteDisk(error: Error | null): void {
    const failed = error !== null;
    if (failed === this.#diskFailed) return;
    this.#diskFailed = failed;
    this.#options.events.onDisk(error);
  }
}
