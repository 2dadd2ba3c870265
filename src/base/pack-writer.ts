/**
 * Writes MessagePack straight into bytes of its own that are used again and again: for the one thing that every request packs, its usage
 * record. Makes the same bytes as `pack` (`msgpack.ts`), which a test holds it to, at a fraction of the cost, because nothing is looked up,
 * collected in an array or copied (`native-bench/micro/ring.ts`, `encode`).
 *
 * The caller bounds what it writes; what does not fit is an error, and nothing is written beyond the end. Any thread; no I/O.
 */
import { assert } from './assert.ts';

/** One byte says type and length of a text up to here. */
const SHORT_TEXT = 0x20;

export class PackWriter {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(bytesMax: number) {
    this.#bytes = Buffer.alloc(bytesMax);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, bytesMax);
  }

  /** Begins an array of up to 65,535 values, and with it the bytes. */
  startArray(length: number): void {
    this.#bytes[0] = 0xdc;
    this.#bytes[1] = length >>> 8;
    this.#bytes[2] = length & 0xff;
    this.#at = 3;
  }

  /** What was written, valid until the next `startArray`. */
  get written(): Uint8Array {
    assert(this.#at <= this.#bytes.length, 'what is packed fits its bytes');
    return this.#bytes.subarray(0, this.#at);
  }

  boolean(value: boolean): void {
    this.#bytes[this.#at++] = value ? 0xc3 : 0xc2;
  }

  /** A whole number from −32 on. */
  int(value: number): void {
    const bytes = this.#bytes;
    if (value < 0x80) {
      bytes[this.#at++] = value & 0xff;
    } else if (value < 0x100) {
      bytes[this.#at++] = 0xcc;
      bytes[this.#at++] = value;
    } else if (value < 0x1_0000) {
      bytes[this.#at++] = 0xcd;
      bytes[this.#at++] = value >>> 8;
      bytes[this.#at++] = value & 0xff;
    } else this.#wide(value);
  }

  #wide(value: number): void {
    if (value < 2 ** 32) {
      this.#bytes[this.#at] = 0xce;
      this.#view.setUint32(this.#at + 1, value);
      this.#at += 5;
    } else {
      this.#bytes[this.#at] = 0xcb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  /** A whole number of 64 bits. */
  bigint(value: bigint): void {
    this.#bytes[this.#at] = 0xd3;
    this.#view.setBigInt64(this.#at + 1, value);
    this.#at += 9;
  }

  /** A text of up to `charsMax` (≤ 255) characters of printable ASCII; false, and nothing written, when it is not that. */
  asciiText(text: string, charsMax: number): boolean {
    const { length } = text;
    if (length > charsMax) return false;
    const bytes = this.#bytes;
    const start = this.#at;
    let at = this.#startText(length);
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e) {
        this.#at = start;
        return false;
      }
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** A well-formed text of up to 255 bytes. */
  text(text: string): void {
    const at = this.#startText(Buffer.byteLength(text));
    this.#at = at + this.#bytes.write(text, at);
  }

  #startText(length: number): number {
    const bytes = this.#bytes;
    if (length < SHORT_TEXT) {
      bytes[this.#at] = 0xa0 | length;
      return this.#at + 1;
    }
    bytes[this.#at] = 0xd9;
    bytes[this.#at + 1] = length;
    return this.#at + 2;
  }
}
