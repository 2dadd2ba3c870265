/**
 * Walks the bytes of one usage record field by field, without making a value of any: for the usage-writer, where every record passes.
 * Knows the one form that `encodeRecord` makes (`record-codec.ts`); any other, also a valid one, is not `sound`, and the caller
 * decodes the record. Nothing is thrown, nothing allocated; beyond the end of the bytes everything is unsound.
 */
import { FIELDS } from './record-codec.ts';

const NOTHING = new Uint8Array(0);
const HEADER_BYTES = 3;
const SHORT_TEXT = 0x20;

/** Value of a lower-case hex digit by its character code; other characters have none. */
const NO_DIGIT = 0xff;
export const HEX = new Uint8Array(256).fill(NO_DIGIT);
for (let digit = 0; digit < 16; digit++) HEX[digit.toString(16).charCodeAt(0)] = digit;

const float = new DataView(new ArrayBuffer(8));

export class RecordCursor {
  bytes: Uint8Array = NOTHING;
  /** Where the next field begins. */
  at = 0;
  /** False once anything was not of the form or the bounds asked for. */
  sound = false;

  start(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = HEADER_BYTES;
    this.sound = bytes.length > HEADER_BYTES && bytes[0] === 0xdc && bytes[1] === 0 && bytes[2] === FIELDS;
  }

  /** Whether all bytes were fields of a record, each as it was asked for. */
  end(): boolean {
    return this.sound && this.at === this.bytes.length;
  }

  /** A whole number within the bounds. */
  int(min: number, max: number): number {
    const first = this.bytes[this.at++]!;
    const value = first < 0x80 ? first : this.#wide(first);
    if (!(value >= min && value <= max)) this.sound = false;
    return value;
  }

  boolean(): boolean {
    const first = this.bytes[this.at++]!;
    if (first !== 0xc2 && first !== 0xc3) this.sound = false;
    return first === 0xc3;
  }

  /** An amount from 0 up to 2^63 − 1: 8 bytes, the highest first, before the new `at`. */
  nano(): void {
    const { bytes, at } = this;
    if (bytes[at] !== 0xd3 || !(bytes[at + 1]! < 0x80)) this.sound = false;
    this.at = at + 9;
  }

  /** A text of up to so many (≤ 255) bytes: its length; it lies before the new `at`. What is in it is not looked at. */
  text(bytesMax: number): number {
    const { bytes } = this;
    const first = bytes[this.at++]!;
    let length = 0;
    if (first >= 0xa0 && first < 0xa0 + SHORT_TEXT) length = first - 0xa0;
    else if (first === 0xd9) length = bytes[this.at++]!;
    else this.sound = false;
    if (!(length <= bytesMax)) this.sound = false;
    this.at += length;
    return length;
  }

  /** 32 hex digits, before the new `at`. */
  requestId(): void {
    const { bytes } = this;
    if (this.text(32) !== 32) this.sound = false;
    for (let i = this.at - 32; i < this.at; i++) if (!(HEX[bytes[i]!]! < 16)) this.sound = false;
  }

  #wide(first: number): number {
    const { bytes, at } = this;
    switch (first) {
      case 0xcc:
        this.at = at + 1;
        return bytes[at]!;
      case 0xcd:
        this.at = at + 2;
        return (bytes[at]! << 8) | bytes[at + 1]!;
      case 0xce:
        this.at = at + 4;
        return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
      case 0xcb:
        return this.#float();
      case 0xff:
        return -1;
      default:
        return Number.NaN;
    }
  }

  #float(): number {
    const { bytes, at } = this;
    for (let i = 0; i < 8; i++) float.setUint8(i, bytes[at + i]!);
    this.at = at + 8;
    const value = float.getFloat64(0);
    return Number.isInteger(value) ? value : Number.NaN;
  }
}
