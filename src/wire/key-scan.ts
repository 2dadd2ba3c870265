/**
 * Which of a few keys one JSON text has, and how long the texts under some of them are: one walk over its strings, which builds
 * nothing. For the events of streams, of which nearly all say nothing but a piece of text. Runs on front threads. Trusts the
 * sender's syntax, never throws, does not allocate.
 *
 *   {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}
 *   1          23        4^^^^^^^^^ a key is a string before a colon; its depth is the number of brackets around it
 *                                   ^^^^^ counts when the key is a text key, as it stands (an escape counts its own length)
 *
 * Depth tells what the protocol says from what a model or a client has chosen, which lies deeper: arguments of a call, a tool's schema,
 * metadata that is echoed.
 */
import { findReadable, readable } from './json-tail.ts';
import type { TextSink } from './text-sink.ts';

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
/** With it the brackets of an array are those of an object. */
const BRACKET_BIT = 0x20;
/** A string is walked for so many bytes; the rest of a longer one is searched natively. */
const WALK_BYTES = 64;

export interface ScannedKey {
  readonly name: string;
  /** Its string value is generated text. */
  readonly isText: boolean;
  /** Its string value tells frames apart: it is no hole in a pattern of them (`wire/frame-pattern.ts`). */
  readonly isFixed?: boolean;
  /** Deeper than this it is somebody else's key; absent: it counts at any depth. */
  readonly depthMax?: number;
}

export class KeyScan {
  /** Bytes of the texts under text keys. */
  textBytes = 0;
  /** By index of the keys: where the value of its outermost occurrence, of several the first, begins behind the colon; -1: none. */
  readonly valueAt: Int32Array;
  /** How deep that is. */
  readonly #depthAt: Int32Array;
  readonly #depthMax: readonly number[];
  /** Brackets around the first byte of the next scan. */
  #depthBefore = 0;
  readonly #names: readonly Buffer[];
  readonly #isText: readonly boolean[];
  readonly #isFixed: readonly boolean[];
  /** By length in bytes: 1 where a key of that length exists. */
  readonly #lengths: Uint8Array;

  constructor(keys: readonly ScannedKey[]) {
    this.#names = keys.map(({ name }) => Buffer.from(name));
    this.#isText = keys.map(({ isText }) => isText);
    this.#isFixed = keys.map(({ isFixed }) => isFixed === true);
    this.#lengths = new Uint8Array(Math.max(...keys.map(({ name }) => name.length)) + 1);
    for (const { name } of keys) this.#lengths[name.length] = 1;
    this.valueAt = new Int32Array(keys.length).fill(-1);
    this.#depthAt = new Int32Array(keys.length);
    this.#depthMax = keys.map(({ depthMax }) => depthMax ?? Number.MAX_SAFE_INTEGER);
  }

  /** Whether the string value of the key with this index is generated text; never for -1. */
  isText(index: number): boolean {
    return index >= 0 && this.#isText[index]!;
  }

  /** Likewise, whether it tells frames apart. */
  isFixed(index: number): boolean {
    return index >= 0 && this.#isFixed[index]!;
  }

  /** Looks through `bytes[start, end)`; a text that is cut off at `end` counts `missingBytes` more. `sink` gets the texts. */
  scan(bytes: Uint8Array, start: number, end: number, missingBytes: number, sink: TextSink | null = null): void {
    this.textBytes = 0;
    this.valueAt.fill(-1);
    if (missingBytes > 0) sink?.lose();
    /** Index of the text key whose value comes next, -1: none. */
    let under = -1;
    let depth = this.#depthBefore;
    let at = start;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte !== QUOTE) {
        const bracket = byte | BRACKET_BIT;
        if (bracket === OBJECT_OPEN) depth++;
        else if (bracket === OBJECT_CLOSE) depth--;
        at++;
        continue;
      }
      const close = stringEnd(bytes, at + 1, end);
      let next = close + 1;
      while (next < end && bytes[next] === SPACE) next++;
      if (next < end && bytes[next] === COLON) {
        const index = this.indexOf(bytes, at + 1, close);
        under = this.isText(index) ? index : -1;
        if (index >= 0) this.#keep(index, next + 1, depth);
      } else if (under >= 0) {
        this.textBytes += close - at - 1 + (close >= end ? missingBytes : 0);
        sink?.add(under, bytes, at + 1, close);
        under = -1;
      }
      at = next;
    }
  }

  /** Looks through the end of a text, which begins anywhere in it. No texts are counted. */
  scanTail(tail: Uint8Array, start: number, end: number): void {
    findReadable(tail, start, end);
    this.#depthBefore = readable.depth;
    this.scan(tail, readable.start, readable.end, 0);
    this.#depthBefore = 0;
    this.textBytes = 0;
  }

  #keep(index: number, valueAt: number, depth: number): void {
    if (depth > this.#depthMax[index]! || (this.valueAt[index]! >= 0 && depth >= this.#depthAt[index]!)) return;
    this.valueAt[index] = valueAt;
    this.#depthAt[index] = depth;
  }

  /** Index of the key whose name is `bytes[start, end)`; -1: it is none of these. */
  indexOf(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length >= this.#lengths.length || this.#lengths[length] === 0) return -1;
    for (let i = 0; i < this.#names.length; i++) {
      const name = this.#names[i]!;
      if (name.length === length && isAt(bytes, start, name)) return i;
    }
    return -1;
  }
}

/** Where the string's closing quote is, `end` when it is not there. */
export function stringEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  for (;;) {
    const walkEnd = Math.min(end, at + WALK_BYTES);
    while (at < walkEnd && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= end) return end;
    if (at < walkEnd) return at;
    // Here no backslash speaks for this byte.
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0 || quote >= end) return end;
    let before = quote - 1;
    while (before >= at && bytes[before] === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote;
    at = quote + 1;
  }
}

function isAt(bytes: Uint8Array, at: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

/** Behind the object that begins at `start`; -1 when none does, or it is not whole before `end`. */
export function objectEnd(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== OBJECT_OPEN) return -1;
  let depth = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = stringEnd(bytes, at + 1, end);
    else if (byte === OBJECT_OPEN) depth++;
    else if (byte === OBJECT_CLOSE && --depth === 0) return at + 1;
  }
  return -1;
}

/** The object that begins at or, behind spaces, after `at`, parsed; null when there is none, or it is not whole before `end`. */
export function objectAt(bytes: Buffer, at: number, end: number): { readonly [field: string]: unknown } | null {
  const start = skipSpaces(bytes, at, end);
  const close = objectEnd(bytes, start, end);
  return close < 0 ? null : parsed(bytes.toString('utf8', start, close));
}

/** The string that begins at or, behind spaces, after `at`, decoded; null when there is none. */
export function stringAt(bytes: Buffer, at: number, end: number): string | null {
  const start = skipSpaces(bytes, at, end);
  if (bytes[start] !== QUOTE) return null;
  const close = stringEnd(bytes, start + 1, end);
  if (close >= end) return null;
  const value = parsed(bytes.toString('utf8', start, close + 1));
  return typeof value === 'string' ? value : null;
}

/** Whether a string that is not empty begins at or, behind spaces, after `at`; never for -1. */
export function isWordAt(bytes: Uint8Array, at: number, end: number): boolean {
  if (at < 0) return false;
  const start = skipSpaces(bytes, at, end);
  return start + 1 < end && bytes[start] === QUOTE && bytes[start + 1] !== QUOTE;
}

/** Likewise an object, which may be empty. */
export function isObjectAt(bytes: Uint8Array, at: number, end: number): boolean {
  if (at < 0) return false;
  const start = skipSpaces(bytes, at, end);
  return start < end && bytes[start] === OBJECT_OPEN;
}

export function skipSpaces(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at]! <= SPACE) at++;
  return at;
}

function parsed(text: string): never | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
