/**
 * A JSON array as it arrives: cuts the bytes of a streamed array into its elements wherever the chunks end, as Gemini's
 * `streamGenerateContent` sends it without `alt=sse`. Runs on front threads. Never decodes text, never changes or keeps a chunk, never
 * throws; an element that straddles chunks is copied.
 *
 *   stream  = [ BOM ] ( array | element )      one bare object stands for an array of one: an error, or an upstream that did not stream
 *   array   = "[" *( element | scalar | "," ) "]"      `[{..}\n,\r\n{..}]` with white space anywhere
 *   element = object | array                   scalars say nothing in any protocol here and are passed over
 *
 * Brackets are counted and strings skipped, more is not checked: who parses an element finds what is wrong in it. A stream that
 * starts with anything else (a page of HTML) has no elements and never closes.
 *
 *   push:  chunk ──► [ ...tail of an element ][ , ][ element ][ , ][ head of an element... ]
 *                      │ joins `held`              │ delivered in place  │ copied to `held`, at most `elementBytesMax` of it
 */
import { KeptTail } from './kept-tail.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const BOM = [0xef, 0xbb, 0xbf];

const HELD_BYTES_MIN = 512;
/** A larger buffer is given back once its element is done: thousands of streams must not keep their largest one. */
const HELD_BYTES_KEPT = 4096;
/** Strings shorter than this are walked; for the rest a native search is cheaper than its call. */
const WALK_BYTES = 24;

const EMPTY = Buffer.alloc(0);

export interface JsonElementSink {
  /**
   * Where the object that begins at `start` ends, when it is whole before `limit` and the sink has read it by itself; it is then not
   * delivered. Otherwise -1.
   */
  knownElement?(bytes: Buffer, start: number, limit: number): number;
  /**
   * One element: `bytes[start, end)`, valid only during the call. `elementBytes` is its whole length; where it exceeds
   * `end - start` the element was longer than the bound and only its head is here; `JsonArraySplitter.tail` is the end of it.
   */
  element(bytes: Buffer, start: number, end: number, elementBytes: number): void;
}

type Shape = 'unknown' | 'array' | 'single' | 'closed' | 'foreign';

/** Cuts one stream into elements. The result depends on the bytes alone, never on how they were chunked. */
export class JsonArraySplitter {
  readonly #sink: JsonElementSink;
  readonly #elementBytesMax: number;
  #shape: Shape = 'unknown';
  /** Open brackets of the element; 0 between elements. */
  #depth = 0;
  #inString = false;
  /** The last byte of the chunk before was a backslash that speaks for the next one. */
  #escaped = false;
  /** An element of the array was the last thing that came, but for white space. */
  #behindElement = false;
  /** In this chunk: the next backslash at or behind what was searched; -1 before the first search. */
  #nextBackslash = -1;
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  /** Bytes of the unfinished element in earlier chunks, those beyond the bound included. */
  #elementBytes = 0;
  readonly #tail: KeptTail;

  /** `tailBytesMax`: of an element beyond the bound, so many of its last bytes are kept as well. */
  constructor(sink: JsonElementSink, elementBytesMax: number, tailBytesMax = 0) {
    this.#sink = sink;
    this.#elementBytesMax = elementBytesMax;
    this.#tail = new KeptTail(tailBytesMax);
  }

  reset(): void {
    this.#release();
    this.#shape = 'unknown';
    this.#depth = 0;
    this.#inString = this.#escaped = this.#behindElement = false;
  }

  /** The array, or the bare object, has been closed: everything was delivered, and what follows is ignored. */
  get closed(): boolean {
    return this.#shape === 'closed';
  }

  /** What comes next in the array must have a comma before it. */
  get awaitsComma(): boolean {
    return this.#shape === 'array' && this.#depth === 0 && this.#behindElement;
  }

  /** The last bytes of an element that is longer than the bound; empty for all others. Valid while it is delivered. */
  get tail(): Buffer {
    return this.#tail.bytes;
  }

  /** Bytes of memory held for an unfinished element. */
  get heldBytes(): number {
    return this.#held.length + this.tail.length;
  }

  /** Bytes at the end of what was pushed that belong to an element whose end has not come. */
  get unfinishedBytes(): number {
    return this.#elementBytes;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const length = bytes.length;
    this.#nextBackslash = -1;
    let start = 0;
    let at = 0;
    while (at < length) {
      if (this.#inString) at = this.#skipString(bytes, at);
      else if (this.#depth > 0) {
        at = this.#skipNested(bytes, at);
        if (this.#depth === 0) this.#finish(bytes, start, at);
      } else {
        if (this.#shape === 'closed' || this.#shape === 'foreign') return;
        start = at;
        at = this.#known(bytes, at);
        if (at === start) this.#between(bytes[at++]!);
      }
    }
    if (this.#depth > 0 && start < length) this.#hold(bytes, start, length);
  }

  /** Passes an object that the sink knows; otherwise stays where it is. */
  #known(bytes: Buffer, at: number): number {
    if (bytes[at] !== OBJECT_OPEN || this.#shape !== 'array') return at;
    const limit = Math.min(bytes.length, at + this.#elementBytesMax);
    const end = this.#sink.knownElement?.(bytes, at, limit) ?? -1;
    if (end < 0) return at;
    this.#behindElement = true;
    return end;
  }

  /** One byte that no element holds. */
  #between(byte: number): void {
    if (this.#shape === 'unknown') {
      if (byte === ARRAY_OPEN) this.#shape = 'array';
      else if (byte === OBJECT_OPEN) {
        this.#shape = 'single';
        this.#depth = 1;
      } else if (!isWhite(byte) && !BOM.includes(byte)) this.#shape = 'foreign';
    } else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) this.#depth = 1;
    else if (byte === QUOTE) this.#inString = true;
    else if (byte === COMMA) this.#behindElement = false;
    else if (byte === ARRAY_CLOSE) this.#shape = 'closed';
  }

  /** Walks inside an element; returns where it or the chunk ended, or where a string did. */
  #skipNested(bytes: Buffer, from: number): number {
    const length = bytes.length;
    let depth = this.#depth;
    let at = from;
    while (at < length && depth > 0) {
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
    const length = bytes.length;
    let at = this.#escaped && from < length ? from + 1 : from;
    if (from < length) this.#escaped = false;
    while (at < length) {
      const walkEnd = Math.min(length, at + WALK_BYTES);
      while (at < walkEnd && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++;
      if (at === walkEnd) at = this.#searchMark(bytes, at);
      if (at >= length) return length;
      if (bytes[at] === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
      this.#escaped = at + 1 === length;
      at += 2;
    }
    return length;
  }

  /** The next quote or backslash, or the end of the chunk. Backslashes are searched once a chunk, not once a string. */
  #searchMark(bytes: Buffer, from: number): number {
    if (this.#nextBackslash < from) this.#nextBackslash = indexOrEnd(bytes, BACKSLASH, from);
    return Math.min(this.#nextBackslash, indexOrEnd(bytes, QUOTE, from));
  }

  #finish(bytes: Buffer, start: number, end: number): void {
    if (this.#shape === 'single') this.#shape = 'closed';
    this.#behindElement = true;
    if (this.#elementBytes === 0) {
      const head = Math.min(end, start + this.#elementBytesMax);
      if (head < end) this.#tail.keep(bytes, head, end);
      this.#sink.element(bytes, start, head, end - start);
      this.#tail.release();
      return;
    }
    this.#hold(bytes, start, end);
    this.#sink.element(this.#held, 0, this.#heldBytes, this.#elementBytes);
    this.#release();
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const copied = Math.min(end - start, this.#elementBytesMax - this.#heldBytes);
    this.#elementBytes += end - start;
    if (copied < end - start) this.#tail.keep(bytes, start + Math.max(0, copied), end);
    if (copied <= 0) return;
    const needed = this.#heldBytes + copied;
    if (needed > this.#held.length) this.#grow(needed);
    bytes.copy(this.#held, this.#heldBytes, start, start + copied);
    this.#heldBytes = needed;
  }

  #grow(needed: number): void {
    const size = Math.min(this.#elementBytesMax, Math.max(HELD_BYTES_MIN, needed, 2 * this.#held.length));
    const larger = Buffer.allocUnsafeSlow(size);
    this.#held.copy(larger, 0, 0, this.#heldBytes);
    this.#held = larger;
  }

  #release(): void {
    this.#heldBytes = 0;
    this.#elementBytes = 0;
    this.#tail.release();
    if (this.#held.length > HELD_BYTES_KEPT) this.#held = EMPTY;
  }
}

function isWhite(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from);
  return index < 0 ? bytes.length : index;
}
