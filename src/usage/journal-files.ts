/**
 * The segments of a journal folder, oldest first: what ended processes left, then this process's own. Knows sizes and states,
 * deletes what is done; reads and writes no records. The usage-writer only.
 *
 *   <journal id>-<number>.journal    segments
 *   <journal id>.owner               whose journal it is: an owner lock, so a journal is touched by one live process only; without
 *                                    one (an earlier version made it) the first that looks takes it
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
import { type OwnerLock, takeOwnerLock } from '#base/owner-lock.ts';
import {
  checkSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  type SegmentId,
  scanFrames,
  segmentFileName,
} from './journal-segment.ts';
import { readAt } from './read-at.ts';

const LOOK_BYTES = 64 * 1024;
const OWNER_SUFFIX = '.owner';
const OWNER_FILE = /^([0-9a-f-]{36})\.owner$/;

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
  /** Of such a segment: rows of what that process had open, null until it was looked for. */
  recovered: Buffer[] | null;
}

export class JournalFiles {
  readonly dir: string;
  readonly segments: Segment[] = [];
  readonly #onTrouble: (text: string) => void;
  /** Journals that are this process's: its own, and those it took over. */
  readonly #owners = new Map<string, OwnerLock>();
  #bytes = 0;

  private constructor(dir: string, onTrouble: (text: string) => void) {
    this.dir = dir;
    this.#onTrouble = onTrouble;
  }

  /** `onTrouble` is told, in a sentence, of every file that is set aside or left alone. */
  static open(dir: string, onTrouble: (text: string) => void): JournalFiles {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const files = new JournalFiles(dir, onTrouble);
    files.adopt();
    return files;
  }

  /**
   * Takes over the journals of processes that have ended since the last look, behind those taken over before and ahead of this
   * process's own. True when there were any. A journal whose process lives is not touched.
   */
  adopt(): boolean {
    const found: Segment[] = [];
    for (const journalId of listJournals(this.dir)) {
      if (this.#owners.has(journalId) || !this.#takeOver(journalId)) continue;
      // Listed only now: its process may have begun another one before it ended.
      const segments = listSegments(this.dir, journalId).flatMap((id) => this.#read(id) ?? []);
      for (const segment of segments) segment.last = segment === segments.at(-1);
      found.push(...segments);
      if (segments.length === 0) this.#release(journalId);
    }
    const own = this.segments.findIndex((segment) => segment.own);
    this.segments.splice(own < 0 ? this.segments.length : own, 0, ...found);
    for (const segment of found) this.#bytes += segment.bytes;
    return found.length > 0;
  }

  /** Marks a journal as this process's, before its first segment exists. Throws when the disk does not take the mark. */
  own(journalId: string): void {
    if (!this.#owners.has(journalId) && !this.#claim(journalId)) throw new Error(`journal ${journalId} has an owner`);
  }

  /** Segments of one journal, oldest first. */
  segmentsOf(journalId: string): Segment[] {
    return this.segments.filter((segment) => segment.journalId === journalId);
  }

  /** The end of this process: marks of journals that have no segment left go. */
  close(): void {
    for (const journalId of this.#owners.keys()) {
      if (this.segmentsOf(journalId).length === 0) this.#release(journalId);
    }
  }

  /** All segments on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes an own segment known; its file exists and holds `bytes`. */
  add(id: SegmentId, bytes: number): Segment {
    const path = this.pathOf(id);
    const segment: Segment = { ...id, path, bytes, sealed: false, own: true, last: false, recovered: null };
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
    if (segment.last) this.#release(segment.journalId);
    return segment;
  }

  /** Keeps a copy of a damaged segment for the operator. */
  keepBad(id: SegmentId): void {
    const path = this.pathOf(id);
    copyFileSync(path, `${path}.bad`);
  }

  /** Null when the file is no segment to be read. */
  #read(id: SegmentId): Segment | null {
    const path = this.pathOf(id);
    const { size } = statSync(path);
    const state = checkSegmentHeader(readStart(path), id);
    if (state === 'valid') return { ...id, path, bytes: size, sealed: true, own: false, last: false, recovered: null };
    if (state === 'damaged' && hasFrames(path)) {
      this.keepBad(id);
      this.#onTrouble(`${path} has a damaged header: its records are read, a copy is kept as ${path}.bad`);
      return { ...id, path, bytes: size, sealed: true, own: false, last: false, recovered: null };
    }
    if (state === 'torn') unlinkSync(path);
    else if (state === 'unknown') this.#onTrouble(`${path} is of a later version and is left alone`);
    else {
      renameSync(path, `${path}.bad`);
      this.#onTrouble(`${path} has a damaged header and is set aside as ${path}.bad`);
    }
    return null;
  }

  /** Like `#claim`, but a folder that takes no file (a full disk) only puts it off. */
  #takeOver(journalId: string): boolean {
    try {
      return this.#claim(journalId);
    } catch (error) {
      this.#onTrouble(`journal ${journalId} cannot be taken over now: ${(error as Error).message}`);
      return false;
    }
  }

  /** False when another live process has it. One process has one usage-writer, so what is left under its own name is dead. */
  #claim(journalId: string): boolean {
    const taken = takeOwnerLock(join(this.dir, journalId + OWNER_SUFFIX), { ownIsFree: true });
    if (!('release' in taken)) return false;
    this.#owners.set(journalId, taken);
    return true;
  }

  #release(journalId: string): void {
    this.#owners.get(journalId)?.release();
    this.#owners.delete(journalId);
  }
}

/** Journals that have segments or a mark, by the age of their oldest segment. */
function listJournals(dir: string): string[] {
  const ages = new Map<string, number>();
  for (const name of readdirSync(dir)) {
    const journalId = parseSegmentFileName(name)?.journalId ?? OWNER_FILE.exec(name)?.[1];
    if (journalId === undefined) continue;
    const madeMs = name.endsWith(OWNER_SUFFIX)
      ? undefined
      : statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs;
    ages.set(journalId, Math.min(ages.get(journalId) ?? Number.POSITIVE_INFINITY, madeMs ?? Number.POSITIVE_INFINITY));
  }
  return [...ages]
    .sort(([idA, a], [idB, b]) => (a === b ? 0 : a - b) || idA.localeCompare(idB))
    .map(([journalId]) => journalId);
}

function listSegments(dir: string, journalId: string): SegmentId[] {
  return readdirSync(dir)
    .flatMap((name) => parseSegmentFileName(name) ?? [])
    .filter((id) => id.journalId === journalId)
    .sort((a, b) => a.number - b.number);
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

/** Whether there are records near the start of a file: each has a checksum of its own. */
function hasFrames(path: string): boolean {
  const bytes = readAt(path, SEGMENT_HEADER_BYTES, LOOK_BYTES);
  return scanFrames(bytes, SEGMENT_HEADER_BYTES, { rowsMax: 1, bytesMax: LOOK_BYTES, atEnd: true }).frames.length > 0;
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
