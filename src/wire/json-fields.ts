/**
 * Picks a few top-level fields out of a JSON object that arrives in chunks, without building it: brackets are counted, strings
 * are skipped, and only the values of the named fields are kept. Runs on front threads. It trusts the sender's syntax beyond
 * brackets and quotes, so it never stands in for a validation (`wire/scan.ts` does that for requests).
 *
 *   before ──"{"──► key ──":"──► value ──","──► key … ──"}" at depth 1──► complete
 *      └── anything else than white space: not an object, ignored from here on
 *
 * A key that is written with escapes is not recognised. Holds at most `valueBytesMax` bytes of one value; a longer one is lost. Fields
 * with generated text are not held: a `JsonTexts` counts in them as they pass.
 */
import { JsonString } from './json-string.ts';
import { isKey, isOneOf, JsonTexts, type TextKeys } from './json-texts.ts';
import type { TextSink } from './text-sink.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

const KEY_BYTES_MAX = 16;
const BOM = [0xef, 0xbb, 0xbf];
const EMPTY = Buffer.alloc(0);

export interface JsonFieldSink {
  /** The value of the field `names[index]`, as JSON text in `bytes[start, end)`; valid only during the call. */
  field(index: number, bytes: Buffer, start: number, end: number): void;
}

type State = 'before' | 'inside' | 'complete' | 'not an object';

export class JsonFields {
  readonly #names: readonly Buffer[];
  readonly #sink: JsonFieldSink;
  readonly #valueBytesMax: number;
  readonly #key = Buffer.alloc(KEY_BYTES_MAX);
  #keyBytes = 0;
  #state: State = 'before';
  #depth = 0;
  readonly #string = new JsonString();
  #escaped = false;
  #expectsKey = false;
  #inKey = false;
  readonly #texts: JsonTexts | null;
  readonly #textFields: readonly Buffer[];
  /** The value that is being read has generated text in it. */
  #holdsText = false;
  /** Index of the field whose value is being read, -1 when nobody asked for it. */
  #field = -1;
  #held = EMPTY;
  #heldBytes = 0;
  #lost = false;

  constructor(names: readonly string[], valueBytesMax: number, sink: JsonFieldSink, textKeys: TextKeys | null = null) {
    this.#names = names.map((name) => Buffer.from(name));
    this.#sink = sink;
    this.#valueBytesMax = valueBytesMax;
    this.#texts = textKeys === null ? null : new JsonTexts(textKeys);
    this.#textFields = textKeys === null ? [] : textKeys.fields.map((name) => Buffer.from(name));
  }

  /** `sink` gets the generated texts as they pass; null: nobody does. */
  collect(sink: TextSink | null): void {
    if (this.#texts !== null) this.#texts.sink = sink;
  }

  /** Bytes of generated text that have come. */
  get textBytes(): number {
    return this.#texts === null ? 0 : this.#texts.textBytes;
  }

  /** The object was closed and nothing but white space followed. */
  get complete(): boolean {
    return this.#state === 'complete';
  }

  /** Bytes of memory held for an unfinished value. */
  get heldBytes(): number {
    return this.#held.length;
  }

  reset(): void {
    this.#state = 'before';
    this.#depth = 0;
    this.#escaped = this.#expectsKey = this.#inKey = this.#holdsText = false;
    this.#string.reset();
    this.#texts?.reset();
    this.#field = -1;
    this.#held = EMPTY;
    this.#heldBytes = 0;
    this.#keyBytes = 0;
    this.#lost = false;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let valueStart = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#inKey || this.#string.inside) {
        at = this.#inKey ? this.#readKey(bytes, at) : this.#string.skip(bytes, at);
        continue;
      }
      const byte = bytes[at]!;
      if (this.#state !== 'inside') {
        if (this.#state === 'not an object') return;
        this.#outside(byte);
      } else if (this.#depth > 1) {
        at = this.#holdsText ? this.#readTexts(bytes, at) : this.#skipNested(bytes, at);
        continue;
      } else if (byte === QUOTE) this.#openString();
      else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) this.#openNested();
      else if (byte === COLON) {
        this.#openValue();
        valueStart = at + 1;
      } else if (byte === COMMA || byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) {
        this.#closeValue(bytes, valueStart, at);
        this.#expectsKey = true;
        if (byte !== COMMA) this.#close();
      }
      at++;
    }
    if (this.#field >= 0) this.#hold(bytes, valueStart, bytes.length);
  }

  #outside(byte: number): void {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    if (this.#state === 'before' && BOM.includes(byte)) return;
    const opens = this.#state === 'before' && byte === OBJECT_OPEN;
    this.#state = opens ? 'inside' : 'not an object';
    this.#depth = 1;
    this.#expectsKey = true;
  }

  #close(): void {
    this.#depth = 0;
    this.#state = 'complete';
  }

  #openString(): void {
    this.#inKey = this.#depth === 1 && this.#expectsKey;
    this.#string.inside = !this.#inKey;
    if (this.#inKey) this.#keyBytes = 0;
  }

  #openNested(): void {
    this.#depth++;
    if (this.#holdsText) this.#texts!.begin();
  }

  #readKey(bytes: Buffer, from: number): number {
    const key = this.#key;
    let keyBytes = this.#keyBytes;
    let escaped = this.#escaped;
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE && !escaped) {
        this.#inKey = this.#expectsKey = false;
        at++;
        break;
      }
      escaped = byte === BACKSLASH && !escaped;
      if (keyBytes < KEY_BYTES_MAX) key[keyBytes] = byte;
      keyBytes++;
    }
    this.#keyBytes = keyBytes;
    this.#escaped = escaped;
    return at;
  }

  /** Walks below the top level; returns where it was left, or the end of the chunk. */
  #skipNested(bytes: Buffer, from: number): number {
    let depth = this.#depth;
    let at = from;
    while (at < bytes.length && depth > 1) {
      const byte = bytes[at++];
      if (byte === QUOTE) {
        this.#string.inside = true;
        at = this.#string.skip(bytes, at);
      } else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) depth++;
      else if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) depth--;
    }
    this.#depth = depth;
    return at;
  }

  #readTexts(bytes: Buffer, from: number): number {
    const at = this.#texts!.read(bytes, from);
    if (!this.#texts!.inside) this.#depth--;
    return at;
  }

  #openValue(): void {
    this.#holdsText = isOneOf(this.#textFields, this.#key, this.#keyBytes);
    this.#field = -1;
    for (let i = 0; i < this.#names.length; i++) {
      if (isKey(this.#key, this.#keyBytes, this.#names[i]!)) this.#field = i;
    }
    this.#heldBytes = 0;
    this.#lost = false;
  }

  #closeValue(bytes: Buffer, start: number, end: number): void {
    if (this.#field < 0) return;
    const field = this.#field;
    const straddles = this.#heldBytes > 0 || this.#lost;
    if (straddles) this.#hold(bytes, start, end);
    this.#field = -1;
    if (this.#lost || end - start > this.#valueBytesMax) return;
    if (straddles) this.#sink.field(field, this.#held, 0, this.#heldBytes);
    else this.#sink.field(field, bytes, start, end);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const needed = this.#heldBytes + end - start;
    if (this.#lost || needed > this.#valueBytesMax) {
      this.#lost = true;
      this.#held = EMPTY;
      return;
    }
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(this.#valueBytesMax, Math.max(needed, 2 * this.#held.length, 512)),
      );
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes = needed;
  }
}
