/**
 * Collects records as journal frames for one write. Grows never; the usage-writer only.
 */
import { crc32 } from 'node:zlib';
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, frameWord } from './journal-segment.ts';
import { isRow, KIND, type Kind } from './record.ts';

export class FrameBuffer {
  readonly #bytes: Buffer;
  #length = 0;
  #rows = 0;

  constructor(bytesMax: number) {
    this.#bytes = Buffer.alloc(Math.max(bytesMax, FRAME_BYTES_MAX));
  }

  /** Frames that stand for a row. */
  get rows(): number {
    return this.#rows;
  }

  /** False when the largest record may not fit any more. */
  get hasRoom(): boolean {
    return this.#bytes.length - this.#length >= FRAME_BYTES_MAX;
  }

  /** The frames so far: a view, valid until `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(payload: Uint8Array, kind: Kind = KIND.record): void {
    const start = this.#length + FRAME_HEADER_BYTES;
    const end = start + payload.length;
    this.#bytes.set(payload, start);
    this.#bytes.writeUInt32LE(frameWord(payload.length, kind), this.#length);
    // Over the copy: zlib does not read shared memory.
    this.#bytes.writeUInt32LE(crc32(this.#bytes.subarray(start, end), kind), this.#length + 4);
    this.#length = end;
    if (isRow(kind)) this.#rows++;
  }

  clear(): void {
    this.#length = 0;
    this.#rows = 0;
  }
}
