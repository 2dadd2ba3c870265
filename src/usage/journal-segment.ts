/**
 * The form of one journal file. Pure: bytes in, bytes out; used on the usage-writer only.
 *
 *   <journal id>-<number>.journal, append-only:
 *
 *   header, 64 bytes                                              frames
 *   ┌───────────┬─────────┬────────────┬────────┬──────┬───────┐ ┌──────┬────────┬─────────┐ ┌─
 *   │"PENSTOCK" │ version │ journal id │ number │ zero │ crc32 │ │ word │ crc32  │ payload │ │ …
 *   │ 8 bytes   │ u32     │ 16 bytes   │ u64    │ …    │ u32   │ │ u32  │ u32    │         │ │
 *   └───────────┴─────────┴────────────┴────────┴──────┴───────┘ └──────┴────────┴─────────┘ └─
 *                                                                  └ kind (upper 8 bits), length of the payload (lower 24)
 *
 * Little-endian. A frame's checksum covers its payload and its kind (as the checksum's start value: 0 is that of version 1), the
 * header's covers the 60 bytes before it. The version is that of the records inside (`record.ts`).
 */
import { crc32 } from 'node:zlib';
import { FORMAT_VERSION, KIND_MAX, type Kind, RECORD_BYTES_MAX } from './record.ts';

export const SEGMENT_HEADER_BYTES = 64;
export const FRAME_HEADER_BYTES = 8;
export const FRAME_BYTES_MAX = FRAME_HEADER_BYTES + RECORD_BYTES_MAX;

const MAGIC = Buffer.from('PENSTOCK');
const CHECKSUM_OFFSET = SEGMENT_HEADER_BYTES - 4;
const FILE_NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{10})\.journal$/;

export interface SegmentId {
  /** UUID: one process life, one journal. */
  journalId: string;
  /** From 1 up. */
  number: number;
}

export function segmentFileName({ journalId, number }: SegmentId): string {
  return `${journalId}-${String(number).padStart(10, '0')}.journal`;
}

/** Null for the name of any other file. */
export function parseSegmentFileName(name: string): SegmentId | null {
  const match = FILE_NAME.exec(name);
  return match === null ? null : { journalId: match[1]!, number: Number(match[2]) };
}

export function encodeSegmentHeader({ journalId, number }: SegmentId): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.write(journalId.replaceAll('-', ''), 12, 'hex');
  header.writeBigUInt64LE(BigInt(number), 28);
  header.writeUInt32LE(crc32(header.subarray(0, CHECKSUM_OFFSET)), CHECKSUM_OFFSET);
  return header;
}

/**
 * `torn`: the file ended before its header did, so nothing was ever in it. `unknown`: of a later version; it is left alone.
 * `damaged`: not what its name says.
 */
export type HeaderState = 'valid' | 'torn' | 'unknown' | 'damaged';

export function checkSegmentHeader(header: Buffer, id: SegmentId): HeaderState {
  if (header.length < SEGMENT_HEADER_BYTES || header.every((byte) => byte === 0)) return 'torn';
  if (crc32(header.subarray(0, CHECKSUM_OFFSET)) !== header.readUInt32LE(CHECKSUM_OFFSET)) return 'damaged';
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) return 'damaged';
  if (header.readUInt32LE(8) > FORMAT_VERSION) return 'unknown';
  return encodeSegmentHeader(id).subarray(12, 36).equals(header.subarray(12, 36)) ? 'valid' : 'damaged';
}

const KIND_SHIFT = 24;
const LENGTH_MASK = 0xff_ffff;

/** The first word of a frame, in the journal and in a ring. */
export function frameWord(length: number, kind: Kind): number {
  return (kind << KIND_SHIFT) | length;
}

export function lengthInWord(word: number): number {
  return word & LENGTH_MASK;
}

export function kindInWord(word: number): Kind {
  return (word >>> KIND_SHIFT) as Kind;
}

export interface Frame {
  kind: Kind;
  /** Offset of the frame in its file. */
  start: number;
  /** Offset behind the frame. */
  end: number;
  payload: Buffer;
}

/** Bytes of a file that are no frame: from `start` up to `end`. */
export interface BadRange {
  start: number;
  end: number;
}

export interface Scan {
  frames: Frame[];
  bad: BadRange[];
  /** Offset in the file from which the next scan goes on. */
  next: number;
}

export interface ScanBounds {
  rowsMax: number;
  bytesMax: number;
  /** The bytes end where the file ends: what is incomplete will never be completed. */
  atEnd: boolean;
}

/** Takes frames from bytes that lie at `offset` in their file, stepping over damage to the next frame whose checksum holds. */
export function scanFrames(bytes: Buffer, offset: number, bounds: ScanBounds): Scan {
  const scan: Scan = { frames: [], bad: [], next: offset };
  let at = 0;
  let taken = 0;
  while (at < bytes.length && scan.frames.length < bounds.rowsMax && taken < bounds.bytesMax) {
    const length = frameLengthAt(bytes, at);
    if (length > 0) {
      const end = at + length;
      scan.frames.push({
        kind: kindInWord(bytes.readUInt32LE(at)),
        start: offset + at,
        end: offset + end,
        payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
      });
      taken += length;
      at = end;
      continue;
    }
    if (!bounds.atEnd && bytes.length - at < FRAME_BYTES_MAX) break; // the rest of this frame is yet to be read
    const good = findFrame(bytes, at + 1);
    const end = good >= 0 ? good : bounds.atEnd ? bytes.length : bytes.length - FRAME_BYTES_MAX + 1;
    scan.bad.push({ start: offset + at, end: offset + end });
    at = end;
  }
  scan.next = offset + at;
  return scan;
}

/** Whole length of the frame at a place, 0 when there is no whole and valid one. */
function frameLengthAt(bytes: Buffer, at: number): number {
  if (at + FRAME_HEADER_BYTES > bytes.length) return 0;
  const word = bytes.readUInt32LE(at);
  const length = lengthInWord(word);
  const kind = kindInWord(word);
  const end = at + FRAME_HEADER_BYTES + length;
  if (length === 0 || length > RECORD_BYTES_MAX || kind > KIND_MAX || end > bytes.length) return 0;
  const sum = bytes.readUInt32LE(at + 4);
  return crc32(bytes.subarray(at + FRAME_HEADER_BYTES, end), kind) === sum ? end - at : 0;
}

function findFrame(bytes: Buffer, from: number): number {
  for (let at = from; at + FRAME_HEADER_BYTES < bytes.length; at++) {
    if (frameLengthAt(bytes, at) > 0) return at;
  }
  return -1;
}
