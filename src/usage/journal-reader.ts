/**
 * Reads the journal as a queue: the next batch from where PostgreSQL's fence stands, in the same way for records of this moment
 * and for those that an earlier process left. Memory is one batch. The usage-writer only.
 */
import type { JournalFiles, Segment } from './journal-files.ts';
import { type BadRange, FRAME_BYTES_MAX, type Frame, SEGMENT_HEADER_BYTES, scanFrames } from './journal-segment.ts';
import { scanOpenRecords } from './open-record-scan.ts';
import { interruptedPayloads } from './open-record-table.ts';
import { readAt } from './read-at.ts';
import { isRow, KIND } from './record.ts';

export interface JournalBatch {
  segment: Segment;
  /** Offsets in the segment: the fence moves from `from` to `to`. */
  from: number;
  to: number;
  frames: Frame[];
  bad: BadRange[];
}

export interface BatchBounds {
  rowsMax: number;
  bytesMax: number;
}

export class JournalReader {
  readonly #files: JournalFiles;
  #offset = SEGMENT_HEADER_BYTES;

  constructor(files: JournalFiles) {
    this.#files = files;
  }

  /** The segment that the queue's head is in; null when there is no journal yet. */
  get segment(): Segment | null {
    return this.#files.segments[0] ?? null;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Whether the head segment has something behind the head of the queue. */
  get hasMore(): boolean {
    return this.segment !== null && this.#offset < endOf(this.segment);
  }

  /** Whether the head of the queue has no record behind it, in this segment or a later one. */
  get empty(): boolean {
    return this.#files.segments.every((segment, index) => {
      return endOf(segment) <= (index === 0 ? this.#offset : SEGMENT_HEADER_BYTES);
    });
  }

  /** Finds what the ended process whose journal is at the head had open; its rows follow its last segment. Done once a journal. */
  async recover(): Promise<void> {
    const { segment } = this;
    if (segment === null || segment.own) return;
    const journal = this.#files.segmentsOf(segment.journalId);
    const last = journal.at(-1)!;
    last.recovered ??= interruptedPayloads(await scanOpenRecords(journal));
  }

  /** Another segment is the head now: its fence is not known yet. */
  restart(): void {
    this.#offset = SEGMENT_HEADER_BYTES;
  }

  /** Puts the head where the fence is. Segments of the same journal before it are done: deleted. Returns those. */
  seek(journalId: string, number: number, offset: number): Segment[] {
    const done: Segment[] = [];
    while (this.segment !== null && this.segment.journalId === journalId && this.segment.number < number) {
      done.push(this.#files.dropFirst());
    }
    const { segment } = this;
    const inside = segment !== null && segment.journalId === journalId && segment.number === number;
    this.#offset = inside ? offset : SEGMENT_HEADER_BYTES;
    return done;
  }

  /** The next batch; never over a segment's end. Null when the head segment has nothing (more). */
  read({ rowsMax, bytesMax }: BatchBounds): JournalBatch | null {
    const { segment } = this;
    if (segment === null || !this.hasMore) return null;
    const from = this.#offset;
    if (from >= segment.bytes) return recoveredBatch(segment, from, rowsMax);
    const wanted = Math.min(segment.bytes - from, bytesMax + FRAME_BYTES_MAX);
    const bytes = readAt(segment.path, from, wanted);
    // An own segment holds whole frames up to `bytes`; a foreign one ends for ever where its file ends.
    const atEnd = from + wanted >= segment.bytes;
    const { frames, bad, next } = scanFrames(bytes, from, { rowsMax, bytesMax, atEnd });
    if (next > from) return { segment, from, to: next, frames, bad };
    // The file is shorter than it was: step over what is missing.
    return { segment, from, to: segment.bytes, frames, bad: [{ start: from, end: segment.bytes }] };
  }

  /** PostgreSQL has the batch. */
  advance(batch: JournalBatch): void {
    this.#offset = batch.to;
  }

  /** Deletes the head segment if everything in it is done and nothing will follow in it. */
  dropDone(): Segment | null {
    const { segment } = this;
    if (segment === null || !segment.sealed || this.hasMore) return null;
    this.#offset = SEGMENT_HEADER_BYTES;
    return this.#files.dropFirst();
  }

  /** Records between the head of the queue and its end; reads the files through. */
  countWaiting(bytesMax: number): number {
    let records = 0;
    this.#files.segments.forEach((segment, index) => {
      let at = index === 0 ? this.#offset : SEGMENT_HEADER_BYTES;
      while (at < segment.bytes) {
        const wanted = Math.min(segment.bytes - at, bytesMax + FRAME_BYTES_MAX);
        const bounds = { rowsMax: Number.POSITIVE_INFINITY, bytesMax, atEnd: at + wanted >= segment.bytes };
        const { frames, next } = scanFrames(readAt(segment.path, at, wanted), at, bounds);
        for (const frame of frames) if (isRow(frame.kind)) records++;
        at = next;
      }
      records += endOf(segment) - Math.max(at, segment.bytes);
    });
    return records;
  }
}

/** One offset a recovered row, behind the bytes of the file. */
function endOf(segment: Segment): number {
  return segment.bytes + (segment.recovered?.length ?? 0);
}

function recoveredBatch(segment: Segment, from: number, rowsMax: number): JournalBatch {
  const first = from - segment.bytes;
  const frames = segment.recovered!.slice(first, first + rowsMax).map((payload, index) => {
    return { kind: KIND.recovered, start: from + index, end: from + index + 1, payload };
  });
  return { segment, from, to: from + frames.length, frames, bad: [] };
}

/** What a crash leaves behind the last whole frame of a journal: the start of one that was never finished. */
export function isTornTail(batch: JournalBatch, range: BadRange): boolean {
  return batch.segment.last && range.end >= batch.segment.bytes;
}
