/**
 * Counts the bytes of generated text inside a value of a JSON answer that arrives in chunks: of the strings under some keys, at any depth,
 * and of the whole values under some others (arguments that stand as an object), without the space between their marks. Keeps no byte of them. Runs on front threads; trusts the
 * sender's syntax, never throws, allocates nothing after its making; the same bytes count the same under any chunking.
 *
 *   [{"message":{"role":"assistant","content":"Hello"}}]
 *                                   ^^^^^^^^^ a key is a string before a colon
 *                                              ^^^^^ counts, as it stands (an escape counts its own length)
 *   [{"functionCall":{"name":"f","args":{"city":"Oslo"}}}]
 *                                       ^^^^^^^^^^^^^^^^^ counts
 */
import { JsonString } from './json-string.ts';
import type { TextSink } from './text-sink.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

const KEY_BYTES_MAX = 24;

export interface TextKeys {
  /** Fields at the top level of the document that hold what was generated. */
  readonly fields: readonly string[];
  /** Keys inside them whose string is text. */
  readonly texts: readonly string[];
  /** Keys inside them whose value is text, a string or not. */
  readonly values: readonly string[];
}

export class JsonTexts {
  /** Since `reset`. */
  textBytes = 0;
  /** Gets the texts as they pass. */
  sink: TextSink | null = null;
  /** Of the text at hand, for the sink. */
  #number = 0;
  readonly #texts: readonly Buffer[];
  readonly #values: readonly Buffer[];
  readonly #string = new JsonString();
  /** The first bytes of the string that was read last, and its length. */
  readonly #key = Buffer.alloc(KEY_BYTES_MAX);
  #keyBytes = 0;
  /** Brackets that are open; 0: the value is over. */
  #depth = 0;
  /** What comes next is the value of a key of that list. */
  #underText = false;
  #underValue = false;
  /** The string that is being read is text. */
  #isText = false;
  /** Brackets that were open where a value began that counts as it is; -1: none. */
  #valueDepth = -1;

  constructor({ texts, values }: TextKeys) {
    this.#texts = texts.map((name) => Buffer.from(name));
    this.#values = values.map((name) => Buffer.from(name));
  }

  reset(): void {
    this.textBytes = 0;
    this.#depth = this.#number = 0;
    this.#string.reset();
  }

  /** A value begins behind its opening bracket. */
  begin(): void {
    this.#depth = 1;
    this.#keyBytes = 0;
    this.#underText = this.#underValue = this.#isText = false;
    this.#valueDepth = -1;
  }

  /** The value has begun and not ended. */
  get inside(): boolean {
    return this.#depth > 0;
  }

  /** Goes on in the value; returns the position behind its closing bracket, or the end of the chunk. */
  read(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#depth > 0) {
      if (this.#string.inside) at = this.#readString(bytes, at);
      else this.#mark(bytes, at++);
    }
    return at;
  }

  #mark(bytes: Buffer, at: number): void {
    const byte = bytes[at]!;
    if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) this.#open();
    if (this.#valueDepth >= 0 && byte > SPACE) {
      this.textBytes++;
      this.sink?.add(-this.#number, bytes, at, at + 1);
    }
    if (byte === QUOTE) this.#openString();
    else if (byte === COLON) this.#endKey();
    else if (byte === COMMA) this.#underText = this.#underValue = false;
    else if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) this.#close();
  }

  #open(): void {
    if (this.#underValue && this.#valueDepth < 0) {
      this.#valueDepth = this.#depth;
      this.#number++;
    }
    this.#underText = this.#underValue = false;
    this.#depth++;
  }

  #close(): void {
    this.#underText = this.#underValue = false;
    if (--this.#depth === this.#valueDepth) this.#valueDepth = -1;
  }

  #openString(): void {
    this.#string.inside = true;
    this.#isText = this.#valueDepth < 0 && (this.#underText || this.#underValue);
    if (this.#isText) this.#number++;
    this.#underText = this.#underValue = false;
    this.#keyBytes = 0;
  }

  #endKey(): void {
    this.#underText = isOneOf(this.#texts, this.#key, this.#keyBytes);
    this.#underValue = isOneOf(this.#values, this.#key, this.#keyBytes);
  }

  #readString(bytes: Buffer, from: number): number {
    const at = this.#string.skip(bytes, from);
    const end = this.#string.inside ? at : at - 1;
    if (this.#valueDepth >= 0) {
      this.textBytes += at - from;
      this.sink?.add(-this.#number, bytes, from, at);
    } else if (this.#isText) {
      this.textBytes += end - from;
      this.sink?.add(this.#number, bytes, from, end);
    }
    for (let i = from; i < end && this.#keyBytes + i - from < KEY_BYTES_MAX; i++) {
      this.#key[this.#keyBytes + i - from] = bytes[i]!;
    }
    this.#keyBytes += end - from;
    return at;
  }
}

/** Whether the key whose first bytes are in `key` is one of these names; none is longer than what is kept of a key. */
export function isOneOf(names: readonly Buffer[], key: Uint8Array, keyBytes: number): boolean {
  for (let i = 0; i < names.length; i++) if (isKey(key, keyBytes, names[i]!)) return true;
  return false;
}

export function isKey(key: Uint8Array, keyBytes: number, name: Uint8Array): boolean {
  if (keyBytes !== name.length) return false;
  for (let i = 0; i < keyBytes; i++) if (key[i] !== name[i]) return false;
  return true;
}
