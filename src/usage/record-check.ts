/**
 * Looks whether the bytes of a record are one, and what it costs whom: all that the usage-writer wants to know of it before it becomes a
 * row. What is not plainly a record (texts beyond ASCII, another version, damage) is decoded field by field and encoded again, so what
 * passes is always of the one form that `RecordCursor` walks. The usage-writer only.
 */
import {
  decodeRecord,
  encodeRecord,
  FOREIGN_ID_BYTES_MAX,
  INT_MAX,
  MODEL_BYTES_MAX,
  SMALL_MAX,
  SOURCES,
  STATUSES,
  TIME_MAX,
  WORD_BYTES_MAX,
} from './record-codec.ts';
import { RecordCursor } from './record-cursor.ts';

const amount = new DataView(new ArrayBuffer(8));

export class RecordCheck {
  readonly #cursor = new RecordCursor();
  /** Of the record that was checked last. */
  userId = 0;
  chargedNanoUsd = 0n;

  /** The record in its one form: the same bytes when they are of it. Throws what `decodeRecord` throws. */
  check(payload: Uint8Array): Uint8Array {
    if (this.#isPlain(payload)) return payload;
    const record = decodeRecord(payload);
    this.userId = record.userId;
    this.chargedNanoUsd = record.chargedNanoUsd;
    return Buffer.from(encodeRecord(record));
  }

  /** Reads the fields in the order of `encodeRecord`. */
  #isPlain(payload: Uint8Array): boolean {
    const cursor = this.#cursor;
    cursor.start(payload);
    cursor.requestId();
    cursor.int(0, TIME_MAX);
    this.userId = cursor.int(0, INT_MAX);
    this.#ints(3); // key, group, account
    this.#text(MODEL_BYTES_MAX);
    this.#text(MODEL_BYTES_MAX);
    cursor.boolean();
    cursor.int(0, STATUSES.length - 1);
    cursor.int(0, SOURCES.length - 1);
    cursor.int(0, SMALL_MAX); // HTTP status
    this.#ints(6); // tokens, web searches
    cursor.nano();
    cursor.nano();
    this.#noteCharge(cursor.at - 8);
    cursor.int(0, INT_MAX); // multiplier
    cursor.int(0, SMALL_MAX); // attempts
    cursor.int(0, INT_MAX);
    cursor.int(-1, INT_MAX); // first byte
    cursor.int(0, INT_MAX);
    this.#text(FOREIGN_ID_BYTES_MAX);
    this.#text(FOREIGN_ID_BYTES_MAX);
    this.#text(WORD_BYTES_MAX); // protocol
    this.#text(WORD_BYTES_MAX); // the account's
    this.#text(WORD_BYTES_MAX); // service tier
    this.#ints(7); // reasoning, sound, pictures, media
    return cursor.end();
  }

  #ints(count: number): void {
    for (let i = 0; i < count; i++) this.#cursor.int(0, INT_MAX);
  }

  #text(bytesMax: number): void {
    const cursor = this.#cursor;
    const length = cursor.text(bytesMax);
    if (!cursor.sound) return;
    const { bytes, at } = cursor;
    for (let i = at - length; i < at; i++) {
      const code = bytes[i]!;
      if (!(code >= 0x20 && code <= 0x7e)) cursor.sound = false;
    }
  }

  #noteCharge(at: number): void {
    if (!this.#cursor.sound) return;
    for (let i = 0; i < 8; i++) amount.setUint8(i, this.#cursor.bytes[at + i]!);
    this.chargedNanoUsd = amount.getBigInt64(0);
  }
}
