/**
 * Takes records out of all rings into the journal: woken by the fronts' bell, never polling. A ring's room is given back once
 * write() has returned, so a record is either in shared memory or in the page cache, whatever kills the process in between.
 *
 *   asleep ──bell, or a sync is due──► drain all rings ──► write ──► release ──► sync when due ──► linger 1 ms ──► more? drain : asleep
 *                                                                                  └──► fronts told what is durable
 *
 * Lingering bounds the wake-ups to about a thousand a second, and with them what dies with the process. Syncing, which only the death of
 * the machine needs, is by group: every `syncMs` (and before what a failed sync would have to write again exceeds its bound), or at
 * once when answers wait for it (a client that sends one request after the other then sees 1.2 ms instead of 5.6). The
 * usage-writer only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '#base/clock.ts';
import { FrameBuffer } from './frame-buffer.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { OpenRecordTable } from './open-record-table.ts';
import type { UsagePressure } from './pressure.ts';
import { KIND, type Kind } from './record.ts';
import type { UsageRingConsumer } from './ring.ts';

const LINGER_MS = 1;
/** One write: about two thousand records. */
const WRITE_BYTES_MAX = 512 * 1024;
/** What may wait for a sync. */
const UNSYNCED_BYTES_MAX = 1024 * 1024;
/** Pause after the disk refused a write or a sync. */
const DISK_RETRY_MS = 500;

export interface RingDrainOptions {
  rings: UsageRingConsumer[];
  pressure: UsagePressure;
  writer: JournalWriter;
  open: OpenRecordTable;
  syncMs: number;
  /** Answers wait for their records to be on disk: records are synced at once, open ones still every `syncMs`. */
  journaled: boolean;
  events: {
    /** `rows`: without open records and their like. */
    onAppended(rows: number, bytes: number): void;
    onSynced(): void;
    /** More records of a front that waits for it are on disk. */
    onDurable(front: number): void;
    /** The disk failed, or (null) works again. */
    onDisk(error: Error | null): void;
  };
}

export class RingDrain {
  readonly #options: RingDrainOptions;
  readonly #frames = new FrameBuffer(WRITE_BYTES_MAX);
  /** What the frames say about open records: kept until the frames are in the journal. */
  readonly #notes: { kind: Kind; payload: Buffer }[] = [];
  #syncedAtMs = 0;
  #rowsUnsynced = false;
  #diskFailed = false;
  #stopped = false;

  constructor(options: RingDrainOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const idle = this.#isIdle();
      const ok = this.drain() && this.#syncIfDue();
      if (!ok) await sleep(DISK_RETRY_MS);
      else if (idle) await this.#options.pressure.sleep(() => this.#isIdle(), this.#syncInMs());
      else await sleep(LINGER_MS);
    }
  }

  /** Moves everything that is in the rings into the journal. False when the disk does not take it: it stays in the rings. */
  drain(): boolean {
    const { rings } = this.#options;
    try {
      for (let front = 0; front < rings.length; front++) {
        while (rings[front]!.pending) this.#moveSome(rings[front]!, front);
      }
    } catch (error) {
      for (const ring of rings) ring.rewind();
      this.#noteDisk(error as Error);
      return false;
    }
    return true;
  }

  /** Syncs now, and tells fronts that wait. False when the disk failed. */
  sync(): boolean {
    const { writer, rings, events } = this.#options;
    if (writer.dirty) {
      try {
        writer.sync();
      } catch (error) {
        this.#noteDisk(error as Error);
        return false;
      }
      this.#syncedAtMs = nowMs();
      this.#rowsUnsynced = false;
      this.#noteDisk(null);
      events.onSynced();
    }
    for (let front = 0; front < rings.length; front++) if (rings[front]!.publishDurable()) events.onDurable(front);
    return true;
  }

  /** Puts rows of the usage-writer's own making behind what is in the journal, durably. False when the disk does not take them. */
  append(frames: Buffer, rows: number): boolean {
    try {
      this.#options.writer.append(frames);
    } catch (error) {
      this.#noteDisk(error as Error);
      return false;
    }
    this.#options.events.onAppended(rows, frames.length);
    return this.sync();
  }

  /** Ends `run`; what comes after is `drain` and `sync` by the caller. */
  stop(): void {
    this.#stopped = true;
    this.#options.pressure.wake();
  }

  #moveSome(ring: UsageRingConsumer, front: number): void {
    const frames = this.#frames;
    const notes = this.#notes;
    frames.clear();
    notes.length = 0;
    while (frames.hasRoom) {
      const payload = ring.next();
      if (payload === null) break;
      frames.add(payload, ring.kind);
      if (ring.kind !== KIND.record) notes.push({ kind: ring.kind, payload: Buffer.from(payload) });
    }
    this.#options.writer.append(frames.bytes);
    ring.release();
    this.#rowsUnsynced ||= frames.rows > 0;
    for (const { kind, payload } of notes) this.#options.open.note(front, kind, payload);
    notes.length = 0;
    this.#options.events.onAppended(frames.rows, frames.bytes.length);
  }

  #syncIfDue(): boolean {
    return this.#syncInMs() > 0 || this.sync();
  }

  /** Infinite when there is nothing to sync. */
  #syncInMs(): number {
    const { syncMs, journaled, writer } = this.#options;
    if (!writer.dirty) return Number.POSITIVE_INFINITY;
    if ((journaled && this.#rowsUnsynced) || writer.unsyncedBytes >= UNSYNCED_BYTES_MAX) return 0;
    return this.#syncedAtMs + syncMs - nowMs();
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
