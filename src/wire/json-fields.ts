/**
 * Picks a few top-level fields out of a JSON object that arrives in chunks, without building it: brackets are counted, strings
 * are skipped, and only the values of the named fields are kept. Runs on front threads. It trusts the sender's syntax beyond
 * brackets and quotes, so it never stands in for a validation (`wire/scan.ts` does that for requests).
 *
 *   before ──"{"──► key ──":"──► value ──","──► key … ──"}" at depth 1──► complete
 *      └── anything else than white space: not an object, ignored from here on
 *
 * A key that is written with escapes is not recognised. Holds at most `valueBytesMax` bytes of one value; a longer one is lost.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

const KEY_BYTES_MAX = 16;
/** Strings shorter than this are walked; for the rest a native search is cheaper than its call. */
const WALK_BYTES = 24;
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
  #inString = false;
  #escaped = false;
  #expectsKey = false;
  #inKey = false;
  /** Index of the field whose value is being read, -1 when nobody asked for it. */
  #field = -1;
  #held = EMPTY;
  #heldBytes = 0;
  #lost = false;

  constructor(names: readonly string[], valueBytesMax: number, sink: JsonFieldSink) {
    this.#names = names.map((name) => Buffer.from(name));
    this.#sink = sink;
    this.#valueBytesMax = valueBytesMax;
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
    this.#inString = this.#escaped = this.#expectsKey = this.#inKey = false;
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
      if (this.#inString) {
        at = this.#inKey ? this.#readKey(bytes, at) : this.#skipString(bytes, at);
        continue;
      }
      const byte = bytes[at]!;
      if (this.#state !== 'inside') {
        if (this.#state === 'not an object') return;
        this.#outside(byte);
      } else if (this.#depth > 1) {
        at = this.#skipNested(bytes, at);
        continue;
      } else if (byte === QUOTE) this.#openString();
      else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) this.#depth++;
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
    this.#inString = true;
    this.#inKey = this.#depth === 1 && this.#expectsKey;
    if (this.#inKey) this.#keyBytes = 0;
  }

  #readKey(bytes: Buffer, from: number): number {
    const key = this.#key;
    let keyBytes = this.#keyBytes;
    let escaped = this.#escaped;
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE && !escaped) {
        this.#inString = this.#inKey = this.#expectsKey = false;
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
        this.#inString = true;
        at = this.#skipString(bytes, at);
      } else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) depth++;
      else if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) depth--;
    }
    this.#depth = depth;
    return at;
  }

  /** Returns where the string ended, or the end of the chunk. */
  #skipString(bytes: Buffer, from: number): number {
    let escaped = this.#escaped;
    let at = from;
    const walkEnd = Math.min(bytes.length, from + WALK_BYTES);
    for (; at < walkEnd; at++) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        this.#inString = this.#escaped = false;
        return at + 1;
      }
    }
    this.#escaped = escaped;
    return at < bytes.length ? this.#searchStringEnd(bytes, at) : at;
  }

  #searchStringEnd(bytes: Buffer, from: number): number {
    // A backslash just before `from` has already spoken for the byte there.
    const start = this.#escaped ? from + 1 : from;
    this.#escaped = false;
    let quote = bytes.indexOf(QUOTE, start);
    while (quote >= 0 && isEscaped(bytes, start, quote)) quote = bytes.indexOf(QUOTE, quote + 1);
    if (quote >= 0) {
      this.#inString = false;
      return quote + 1;
    }
    this.#escaped = isEscaped(bytes, start, bytes.length);
    return bytes.length;
  }

  #openValue(): void {
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

function isKey(key: Uint8Array, keyBytes: number, name: Uint8Array): boolean {
  if (keyBytes !== name.length) return false;
  for (let i = 0; i < keyBytes; i++) if (key[i] !== name[i]) return false;
  return true;
}

/** Whether an odd number of backslashes stands before `at`; `start` is the first byte that may count. */
function isEscaped(bytes: Buffer, start: number, at: number): boolean {
  let first = at;
  while (first > start && bytes[first - 1] === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}
