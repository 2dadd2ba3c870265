/**
 * Appends frames to this process's own journal: segments of bounded size, written at once (what was written survives the death
 * of the process), synced in groups by the caller (survives the machine's). Synchronous on purpose: the libuv pool is shared by
 * the whole process, and a sync there took 3.6 s under load where it takes 0.4 ms here. The usage-writer only.
 *
 *   append ──write──► page cache ──sync──► disk
 *             │ short or failed: cut back to the last whole frame, thrown to the caller, who tries again later
 *                                    │ failed: the pages may be gone though the next sync succeeds, so the frames since
 *                                    │ the last good sync are written again into a new segment
 *
 * A new segment begins with what `carried` returns (open records): it is synced with them before the segment before it is
 * sealed, and only sealed segments are ever deleted.
 */
import { closeSync, constants, fdatasyncSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { type JournalFiles, type Segment, syncFolder } from './journal-files.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './journal-segment.ts';

/** The system calls, replaced by tests that let them fail. */
export interface JournalIo {
  write(fd: number, bytes: Buffer, offset: number, length: number): number;
  sync(fd: number): void;
}

/** Appending, so that a write after a cut lands behind the last whole frame. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;
const NOTHING = Buffer.alloc(0);

const SYSTEM_IO: JournalIo = {
  write: (fd, bytes, offset, length) => writeSync(fd, bytes, offset, length),
  sync: fdatasyncSync,
};

export interface JournalWriterOptions {
  files: JournalFiles;
  journalId: string;
  segmentBytes: number;
  /** Frames for the head of every new segment. */
  carried?: () => Buffer;
  io?: JournalIo;
}

/** The segment that is appended to, and what lay in it before the first append. */
interface OpenSegment {
  readonly segment: Segment;
  readonly fd: number;
  readonly headBytes: number;
}

export class JournalWriter {
  readonly #files: JournalFiles;
  readonly #journalId: string;
  readonly #segmentBytes: number;
  readonly #carried: () => Buffer;
  readonly #io: JournalIo;
  #open: OpenSegment | null = null;
  #number = 0;
  /** Copies of what was written since the last good sync. */
  #unsynced: Buffer[] = [];
  #unsyncedBytes = 0;
  /** The open segment can no longer be trusted: a sync failed, or a part of a write could not be cut off. */
  #damaged = false;

  constructor({ files, journalId, segmentBytes, carried = () => NOTHING, io = SYSTEM_IO }: JournalWriterOptions) {
    this.#files = files;
    this.#journalId = journalId;
    this.#segmentBytes = segmentBytes;
    this.#carried = carried;
    this.#io = io;
  }

  /** Whether something was written since the last sync. */
  get dirty(): boolean {
    return this.#unsynced.length > 0;
  }

  /** Bytes written since the last sync: as many are kept in memory. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes;
  }

  /** Writes whole frames. Throws when the disk does not take them; then none of them is in the journal. */
  append(frames: Buffer): void {
    this.#write(this.#segmentFor(frames.length), frames);
    this.#unsynced.push(Buffer.from(frames));
    this.#unsyncedBytes += frames.length;
  }

  /** Makes everything appended durable. Throws when that failed in a fresh segment too. */
  sync(): void {
    if (!this.dirty) return;
    if (!this.#damaged) {
      try {
        this.#io.sync(this.#open!.fd);
      } catch {
        this.#damaged = true;
      }
    }
    if (this.#damaged) this.#roll();
    this.#forgetUnsynced();
  }

  /** Syncs and seals; nothing can be appended any more. */
  close(): void {
    this.sync();
    this.#seal(this.#open);
    this.#open = null;
  }

  #segmentFor(bytes: number): OpenSegment {
    const open = this.#open;
    if (open !== null && !this.#damaged) {
      // What was carried over does not count, or a segment full of it would be followed by the next at once.
      const own = SEGMENT_HEADER_BYTES + open.segment.bytes - open.headBytes;
      if (own === SEGMENT_HEADER_BYTES || own + bytes <= this.#segmentBytes) return open;
      this.sync();
    }
    if (this.#open === open) this.#roll();
    return this.#open!;
  }

  /** Goes on in a new segment; after damage it also takes what may be lost in the one before. All or nothing. */
  #roll(): void {
    const before = this.#open;
    const again = this.#damaged ? this.#unsynced : [];
    this.#open = this.#startSegment(again);
    this.#damaged = false;
    this.#forgetUnsynced();
    this.#seal(before);
  }

  #forgetUnsynced(): void {
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
  }

  #startSegment(again: readonly Buffer[]): OpenSegment {
    const id = { journalId: this.#journalId, number: this.#number + 1 };
    this.#files.own(this.#journalId);
    const head = Buffer.concat([encodeSegmentHeader(id), this.#carried(), ...again]);
    const fd = openSync(this.#files.pathOf(id), OPEN_FLAGS, 0o600);
    try {
      writeAll(this.#io, fd, head);
      this.#io.sync(fd);
      syncFolder(this.#files.dir);
    } catch (error) {
      closeSync(fd);
      unlinkSync(this.#files.pathOf(id));
      throw error;
    }
    this.#number = id.number;
    return { segment: this.#files.add(id, head.length), fd, headBytes: head.length };
  }

  #write({ segment, fd }: OpenSegment, frames: Buffer): void {
    try {
      writeAll(this.#io, fd, frames);
    } catch (error) {
      try {
        ftruncateSync(fd, segment.bytes);
      } catch {
        this.#damaged = true;
      }
      throw error;
    }
    this.#files.grow(segment, frames.length);
  }

  #seal(open: OpenSegment | null): void {
    if (open === null) return;
    open.segment.sealed = true;
    closeSync(open.fd);
  }
}

function writeAll(io: JournalIo, fd: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += io.write(fd, bytes, written, bytes.length - written);
}
