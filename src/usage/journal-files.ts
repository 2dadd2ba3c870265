/**
 * The segments of a journal folder, oldest first: what earlier processes left, then this process's own. Knows sizes and states,
 * deletes what is done; reads and writes no records. The usage-writer only.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  checkSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  type SegmentId,
  segmentFileName,
} from './journal-segment.ts';

export interface Segment extends SegmentId {
  path: string;
  /** Bytes that may be read: frames are whole up to here in a segment of this process. */
  bytes: number;
  /** Nothing will be appended any more. */
  sealed: boolean;
  /** Appended to by this process. */
  own: boolean;
  /** The last of an earlier process's journal: where a crash may have torn a frame. */
  last: boolean;
}

export class JournalFiles {
  readonly dir: string;
  readonly segments: Segment[] = [];
  #bytes = 0;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** `onTrouble` is told, in a sentence, of every file that is set aside or left alone. */
  static open(dir: string, onTrouble: (text: string) => void): JournalFiles {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const files = new JournalFiles(dir);
    for (const found of listSegments(dir)) files.#adopt(found, onTrouble);
    const { segments } = files;
    segments.forEach((segment, index) => {
      segment.last = segments[index + 1]?.journalId !== segment.journalId;
    });
    return files;
  }

  /** All segments on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes an own segment known; its file exists and holds `bytes`. */
  add(id: SegmentId, bytes: number): Segment {
    const path = this.pathOf(id);
    const segment: Segment = { ...id, path, bytes, sealed: false, own: true, last: false };
    this.segments.push(segment);
    this.#bytes += bytes;
    return segment;
  }

  grow(segment: Segment, bytes: number): void {
    segment.bytes += bytes;
    this.#bytes += bytes;
  }

  pathOf(id: SegmentId): string {
    return join(this.dir, segmentFileName(id));
  }

  /** Deletes the oldest segment: everything in it is in PostgreSQL. */
  dropFirst(): Segment {
    const segment = this.segments.shift()!;
    this.#bytes -= segment.bytes;
    unlinkSync(segment.path);
    return segment;
  }

  /** Keeps a copy of a damaged segment for the operator. */
  keepBad(id: SegmentId): void {
    const path = this.pathOf(id);
    copyFileSync(path, `${path}.bad`);
  }

  #adopt(id: SegmentId, onTrouble: (text: string) => void): void {
    const path = this.pathOf(id);
    const { size } = statSync(path);
    const state = checkSegmentHeader(readStart(path), id);
    if (state === 'torn') return unlinkSync(path);
    if (state === 'unknown') return onTrouble(`${path} is of a later version and is left alone`);
    if (state === 'damaged') {
      renameSync(path, `${path}.bad`);
      return onTrouble(`${path} has a damaged header and is set aside as ${path}.bad`);
    }
    this.segments.push({ ...id, path, bytes: size, sealed: true, own: false, last: false });
    this.#bytes += size;
  }
}

/** Journals by the age of their oldest file, segments by number. */
function listSegments(dir: string): SegmentId[] {
  const ids = readdirSync(dir).flatMap((name) => parseSegmentFileName(name) ?? []);
  const ages = new Map<string, number>();
  for (const id of ids) {
    const madeMs = statSync(join(dir, segmentFileName(id))).mtimeMs;
    ages.set(id.journalId, Math.min(ages.get(id.journalId) ?? Number.POSITIVE_INFINITY, madeMs));
  }
  return ids.sort(
    (a, b) =>
      ages.get(a.journalId)! - ages.get(b.journalId)! || a.journalId.localeCompare(b.journalId) || a.number - b.number,
  );
}

function readStart(path: string): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const fd = openSync(path, 'r');
  try {
    return header.subarray(0, readSync(fd, header, 0, SEGMENT_HEADER_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

/** Makes the creation of a file durable. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
