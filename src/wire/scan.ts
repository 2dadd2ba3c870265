/**
 * The one pass over the body of a Messages request: it validates the JSON and yields the facts that every later stage uses,
 * without an object tree and without a string beyond the few decoded facts. Runs on fronts; does no I/O.
 *
 * The language is exactly that of `JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))` up to the depth bound;
 * `test/wire/scan.test.ts` holds the two against each other. Strings are swept four bytes at a time, escapes are looked at where a backslash is,
 * UTF-8 validity is native. 550 KB shaped like Claude Code: about 0.4 × `toString` + `JSON.parse`
 * (`node_modules/.bin/node native-bench/micro/scan.ts`).
 *
 *              ┌─────────────────────── , ──────────────────────┐
 *   VALUE ─┬───▼── scalar ─────────────────────────► COMMA_OR_END ◄─────┐      every closing bracket and scalar of depth 0
 *          ├─ [ ─► ELEMENT_OR_END ─ value or ] ──────────▲  │ ,         │      goes to END, where only space may follow
 *          └─ { ─► KEY_OR_END ─ " ─► IN_KEY ─► COLON ─ : ─► VALUE       │
 *                      └─ } ─────────────────────────────── KEY ◄───────┘
 *
 *   IN_KEY, IN_STRING and IN_NUMBER can stop at any byte and go on in the next slice.
 */
import { assert } from '#base/assert.ts';
import { FALSE, FactCollector, NULL, NUMBER, PLAIN, STRING, TRUE } from './fact-collector.ts';
import type { Facts, ScanError } from './facts.ts';
import * as g from './scan-grammar.ts';
import { isCompleteNumber, NUMBER_BAD, NUMBER_END, NUMBER_START, nextNumberPhase } from './scan-number.ts';
import { escapeEnd, findSpecial, wordsOf } from './scan-string.ts';
import { Utf8Check } from './scan-utf8.ts';

/** Bytes to scan between two ticks of the event loop: about 0.4 ms of text, 3 ms of the densest JSON. */
export const SCAN_SLICE_BYTES = 1_048_576;

/** A frame is the context of its container (`fact-collector.ts`) and whether it is an object. */
const OBJECT_BIT = 0x80;
const BODY_ENDED = 'the body ends too early';

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

/** A scan that can be taken in slices. The bytes must not change until it has ended. */
export class Scanner {
  readonly #collector = new FactCollector();
  #bytes: Uint8Array = NO_BYTES;
  #words: Int32Array = NO_WORDS;
  #shift = 0;
  /** Everything before it has been scanned. */
  #pos = 0;
  #expect = g.VALUE;
  /** Containers around `#pos`; `#frames[depth]` is the innermost one. */
  #depth = 0;
  #depthMax = 0;
  #frames = new Uint8Array(0);
  /** The innermost frame. */
  #frame = PLAIN;
  /** Of the string or number that is being read. */
  #tokenStart = 0;
  #escaped = false;
  #numberPhase = NUMBER_START;
  #utf8 = new Utf8Check(NO_BYTES);
  #error: ScanError | null = null;

  /** Bodies are at most 2^31 − 1 bytes long (`limits.bodyBytesMax` is far less); containers nest at most `depthMax` deep. */
  constructor(bytes: Uint8Array, depthMax: number) {
    this.reset(bytes, depthMax);
  }

  /** Begins with another body. */
  reset(bytes: Uint8Array, depthMax: number): void {
    assert(bytes.length < 0x7fffffff, 'positions are 32-bit integers');
    const { words, shift } = wordsOf(bytes);
    this.#collector.reset(bytes);
    this.#bytes = bytes;
    this.#words = words;
    this.#shift = shift;
    // TextDecoder drops a byte order mark, so it is no part of the JSON text.
    this.#pos = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    this.#expect = g.VALUE;
    this.#depth = 0;
    if (depthMax !== this.#depthMax) this.#frames = new Uint8Array(depthMax + 1);
    this.#depthMax = depthMax;
    this.#frame = PLAIN;
    this.#utf8 = new Utf8Check(bytes);
    this.#error = null;
  }

  /** Bytes scanned so far; all of the body once there are facts. No byte is scanned twice. */
  get scannedBytes(): number {
    return this.#pos;
  }

  /** Scans about `bytesMax` bytes more (a token's last few may come on top). Not to be called again after an answer. */
  step(bytesMax: number): 'more' | Facts | ScanError {
    const length = this.#bytes.length;
    const target = Math.min(this.#pos + bytesMax, length);
    this.#run(this.#utf8.validUpTo(target));
    if (this.#error === null && this.#pos >= length) this.#endOfBody();
    if (this.#error === null && this.#pos === this.#utf8.invalidAt) this.#fail(this.#pos, 'invalid UTF-8');
    if (this.#error !== null) return this.#error;
    return this.#pos < length ? 'more' : this.#collector.finish();
  }

  /** Lets go of the body. */
  release(): void {
    this.reset(NO_BYTES, this.#depthMax);
  }

  #run(limit: number): void {
    const bytes = this.#bytes;
    while (this.#pos < limit && this.#error === null) {
      if (this.#expect >= g.IN_KEY) {
        this.#goOn(limit);
        continue;
      }
      const byte = bytes[this.#pos]!;
      if (byte > g.SPACE) this.#token(byte, limit);
      else if (byte === g.SPACE || byte === g.LINE_FEED || byte === g.RETURN || byte === g.TAB) this.#pos++;
      else this.#unexpected();
    }
  }

  /** Goes on with the token that the last slice cut. */
  #goOn(limit: number): void {
    if (this.#expect === g.IN_NUMBER) this.#number(limit);
    else this.#string(limit);
  }

  #token(byte: number, limit: number): void {
    switch (this.#expect) {
      case g.COMMA_OR_END:
        if (byte === g.COMMA) {
          this.#pos++;
          this.#expect = this.#frame >= OBJECT_BIT ? g.KEY : g.VALUE;
        } else this.#close(byte);
        return;
      case g.KEY_OR_END:
        if (byte === g.QUOTE) this.#openString(g.IN_KEY, limit);
        else this.#close(byte);
        return;
      case g.KEY:
        if (byte === g.QUOTE) this.#openString(g.IN_KEY, limit);
        else this.#unexpected();
        return;
      case g.COLON:
        if (byte !== g.COLON_SIGN) return this.#unexpected();
        this.#pos++;
        this.#expect = g.VALUE;
        return;
      case g.ELEMENT_OR_END:
        if (byte === g.ARRAY_CLOSE) this.#close(byte);
        else this.#value(byte, limit);
        return;
      case g.VALUE:
        this.#value(byte, limit);
        return;
      default:
        this.#unexpected();
    }
  }

  #value(byte: number, limit: number): void {
    switch (byte) {
      case g.QUOTE:
        return this.#openString(g.IN_STRING, limit);
      case g.OBJECT_OPEN:
      case g.ARRAY_OPEN:
        return this.#open(byte === g.OBJECT_OPEN);
      case g.LOWER_T:
        return this.#literal(TRUE, g.TRUE_BYTES);
      case g.LOWER_F:
        return this.#literal(FALSE, g.FALSE_BYTES);
      case g.LOWER_N:
        return this.#literal(NULL, g.NULL_BYTES);
      default:
        if (byte !== g.MINUS && (byte < g.DIGIT_0 || byte > g.DIGIT_9)) return this.#unexpected();
        this.#tokenStart = this.#pos;
        this.#numberPhase = NUMBER_START;
        return this.#number(limit);
    }
  }

  #open(isObject: boolean): void {
    if (this.#depth === this.#depthMax) return this.#fail(this.#pos, `nested deeper than ${this.#depthMax} levels`);
    const parent = this.#frame & ~OBJECT_BIT;
    let context = PLAIN;
    if (this.#depth === 0) context = this.#collector.top(isObject);
    else if (parent !== PLAIN) context = this.#collector.open(parent, isObject, this.#pos);
    this.#frame = isObject ? context | OBJECT_BIT : context;
    this.#frames[++this.#depth] = this.#frame;
    this.#expect = isObject ? g.KEY_OR_END : g.ELEMENT_OR_END;
    this.#pos++;
  }

  #close(byte: number): void {
    if (byte !== (this.#frame >= OBJECT_BIT ? g.OBJECT_CLOSE : g.ARRAY_CLOSE)) return this.#unexpected();
    const context = this.#frame & ~OBJECT_BIT;
    this.#pos++;
    this.#frame = --this.#depth === 0 ? PLAIN : this.#frames[this.#depth]!;
    if (context !== PLAIN) this.#collector.close(context, this.#frame & ~OBJECT_BIT, this.#pos);
    this.#valueEnded();
  }

  #valueEnded(): void {
    this.#expect = this.#depth === 0 ? g.END : g.COMMA_OR_END;
  }

  #openString(expect: number, limit: number): void {
    this.#expect = expect;
    this.#tokenStart = ++this.#pos;
    this.#escaped = false;
    this.#string(limit);
  }

  #string(limit: number): void {
    const bytes = this.#bytes;
    let pos = this.#pos;
    for (;;) {
      pos = findSpecial(bytes, this.#words, this.#shift, pos, limit);
      if (pos >= limit) {
        this.#pos = pos;
        return;
      }
      const byte = bytes[pos]!;
      if (byte === g.QUOTE) return this.#closeString(pos);
      if (byte !== g.BACKSLASH) return this.#fail(pos, 'control character in a string');
      const end = escapeEnd(bytes, pos);
      if (end < 0) return this.#fail(~end, 'invalid escape in a string');
      this.#escaped = true;
      pos = end;
    }
  }

  #closeString(end: number): void {
    const context = this.#frame & ~OBJECT_BIT;
    this.#pos = end + 1;
    if (this.#expect === g.IN_KEY) {
      this.#expect = g.COLON;
      if (context !== PLAIN) this.#collector.key(context, this.#tokenStart, end, this.#escaped);
    } else {
      if (context !== PLAIN) this.#collector.scalar(context, STRING, this.#tokenStart, end);
      this.#valueEnded();
    }
  }

  #number(limit: number): void {
    const bytes = this.#bytes;
    let pos = this.#pos;
    let phase = this.#numberPhase;
    let next = phase;
    while (pos < limit) {
      next = nextNumberPhase(phase, bytes[pos]!);
      if (next >= NUMBER_END) break;
      phase = next;
      pos++;
    }
    this.#pos = pos;
    this.#numberPhase = phase;
    if (next === NUMBER_BAD) this.#fail(pos, 'invalid number');
    else if (next === NUMBER_END) this.#closeNumber();
    else this.#expect = g.IN_NUMBER;
  }

  #closeNumber(): void {
    const context = this.#frame & ~OBJECT_BIT;
    if (context !== PLAIN) this.#collector.scalar(context, NUMBER, this.#tokenStart, this.#pos);
    this.#valueEnded();
  }

  #literal(kind: number, word: Uint8Array): void {
    const start = this.#pos;
    for (let i = 1; i < word.length; i++) {
      if (this.#bytes[start + i] !== word[i]) return this.#fail(start + i, g.expectedAt(g.VALUE));
    }
    const context = this.#frame & ~OBJECT_BIT;
    this.#pos = start + word.length;
    if (context !== PLAIN) this.#collector.scalar(context, kind, start, this.#pos);
    this.#valueEnded();
  }

  #endOfBody(): void {
    if (this.#expect === g.IN_NUMBER && isCompleteNumber(this.#numberPhase)) this.#closeNumber();
    if (this.#expect !== g.END) this.#fail(this.#bytes.length, BODY_ENDED);
  }

  #unexpected(): void {
    this.#fail(this.#pos, g.expectedAt(this.#expect));
  }

  #fail(offset: number, reason: string): void {
    this.#error = { offset, reason: offset < this.#bytes.length ? reason : BODY_ENDED };
  }
}

/** Of `scan`, which never runs twice at once on a thread. */
const scanner = new Scanner(NO_BYTES, 0);

/** Scans a whole body in one go: for bodies of up to SCAN_SLICE_BYTES. */
export function scan(bytes: Uint8Array, depthMax: number): Facts | ScanError {
  scanner.reset(bytes, depthMax);
  const result = scanner.step(bytes.length);
  scanner.release();
  assert(result !== 'more', 'a step over the whole body ends the scan');
  return result;
}
