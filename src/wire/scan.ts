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
import { stringEnd, wordsOf } from './scan-string.ts';
import { Utf8Check } from './scan-utf8.ts';

/** Bytes to scan between two ticks of the event loop: about 0.4 ms of text, 3 ms of the densest JSON. */
export const SCAN_SLICE_BYTES = 1_048_576;

const {
  ARRAY_CLOSE,
  ARRAY_OPEN,
  COLON,
  COLON_SIGN,
  COMMA,
  COMMA_OR_END,
  DIGIT_0,
  DIGIT_9,
  ELEMENT_OR_END,
  END,
  FALSE_BYTES,
  IN_KEY,
  IN_NUMBER,
  IN_STRING,
  KEY,
  KEY_OR_END,
  LINE_FEED,
  LOWER_F,
  LOWER_N,
  LOWER_T,
  MINUS,
  NULL_BYTES,
  OBJECT_CLOSE,
  OBJECT_OPEN,
  QUOTE,
  RETURN,
  SPACE,
  TAB,
  TRUE_BYTES,
  VALUE,
} = g;

/** A step over dense JSON ends early, at one token for so many bytes: its time is bounded, not only its bytes. */
const BYTES_PER_TOKEN = 32;

/** A frame is the context of its container (`fact-collector.ts`) and whether it is an object. */
const OBJECT_BIT = 0x80;
/** The states in which a container may end. */
const CLOSING_STATES = (1 << KEY_OR_END) | (1 << ELEMENT_OR_END) | (1 << COMMA_OR_END);
/** Instead of a position: `#error` says why. */
const FAILED = -1;
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
  #expect = VALUE;
  /** Containers around `#pos`; `#frames[depth]` is the innermost one. */
  #depth = 0;
  #depthMax = 0;
  #frames = new Uint8Array(0);
  /** The innermost frame. */
  #frame = PLAIN;
  /** Of the string or number that is being read. */
  #tokenStart = 0;
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
    this.#expect = VALUE;
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
    return this.#step(bytesMax, Math.ceil(bytesMax / BYTES_PER_TOKEN));
  }

  /** Scans the whole body at once. */
  finish(): Facts | ScanError {
    const result = this.#step(this.#bytes.length, Number.POSITIVE_INFINITY);
    assert(result !== 'more', 'a step over the whole body ends the scan');
    return result;
  }

  #step(bytesMax: number, tokensMax: number): 'more' | Facts | ScanError {
    const length = this.#bytes.length;
    const target = Math.min(this.#pos + bytesMax, length);
    this.#run(this.#utf8.validUpTo(target), tokensMax);
    if (this.#error === null && this.#pos >= length) this.#endOfBody();
    if (this.#error === null && this.#pos === this.#utf8.invalidAt) this.#fail(this.#pos, 'invalid UTF-8');
    if (this.#error !== null) return this.#error;
    return this.#pos < length ? 'more' : this.#collector.finish();
  }

  /** Lets go of the body. */
  release(): void {
    this.reset(NO_BYTES, this.#depthMax);
  }

  /**
   * Walks on to `limit` or through `tokensMax` tokens. What most of a body is made of is read here on local variables (3 × as
   * fast as a method a token); the rest is in the methods below, which take the position and return the next one, or
   * FAILED, and leave what may come next in `#expect`.
   */
  #run(limit: number, tokensMax: number): void {
    const bytes = this.#bytes;
    const words = this.#words;
    const shift = this.#shift;
    let pos = this.#pos;
    let expect = this.#expect;
    let frame = this.#frame;
    for (let tokens = 0; tokens < tokensMax && pos < limit; tokens++) {
      const byte = bytes[pos]!;
      if (byte === QUOTE && expect <= KEY) {
        const end = stringEnd(bytes, words, shift, pos + 1, limit);
        if (end > 0 && end < limit && bytes[end] === QUOTE) {
          if ((frame & ~OBJECT_BIT) !== PLAIN) this.#tellString(expect >= KEY_OR_END, pos + 1, end);
          pos = end + 1;
          if (expect < KEY_OR_END) expect = this.#depth === 0 ? END : COMMA_OR_END;
          else if (pos < limit && bytes[pos] === COLON_SIGN) {
            expect = VALUE;
            pos++;
          } else expect = COLON;
          continue;
        }
        this.#tokenStart = pos + 1;
        expect = expect >= KEY_OR_END ? IN_KEY : IN_STRING;
        pos = this.#cutString(end, limit);
      } else if (byte === COMMA && expect === COMMA_OR_END) {
        expect = frame >= OBJECT_BIT ? KEY : VALUE;
        pos++;
        continue;
      } else if (byte === COLON_SIGN && expect === COLON) {
        expect = VALUE;
        pos++;
        continue;
      } else if (byte === SPACE && expect < IN_KEY) {
        pos++;
        continue;
      } else {
        this.#expect = expect;
        pos = this.#token(byte, pos, limit);
        expect = this.#expect;
        frame = this.#frame;
      }
      if (pos === FAILED) return;
    }
    this.#pos = pos;
    this.#expect = expect;
  }

  #token(byte: number, pos: number, limit: number): number {
    const expect = this.#expect;
    if (expect >= IN_KEY) return expect === IN_NUMBER ? this.#number(pos, limit) : this.#string(pos, limit);
    return expect <= ELEMENT_OR_END ? this.#value(byte, pos, limit) : this.#closeOrSpace(byte, pos);
  }

  #value(byte: number, pos: number, limit: number): number {
    switch (byte) {
      case OBJECT_OPEN:
        return this.#open(true, pos);
      case ARRAY_OPEN:
        return this.#open(false, pos);
      case LOWER_T:
        return this.#literal(TRUE, TRUE_BYTES, pos);
      case LOWER_F:
        return this.#literal(FALSE, FALSE_BYTES, pos);
      case LOWER_N:
        return this.#literal(NULL, NULL_BYTES, pos);
    }
    if (byte !== MINUS && (byte < DIGIT_0 || byte > DIGIT_9)) return this.#closeOrSpace(byte, pos);
    this.#expect = IN_NUMBER;
    this.#tokenStart = pos;
    this.#numberPhase = NUMBER_START;
    return this.#number(pos, limit);
  }

  /** What may stand in more than one state: space, and the brackets that end a container. */
  #closeOrSpace(byte: number, pos: number): number {
    if (byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB) return pos + 1;
    const mayClose = (CLOSING_STATES >> this.#expect) & 1;
    const closing = this.#frame >= OBJECT_BIT ? OBJECT_CLOSE : ARRAY_CLOSE;
    if (mayClose === 0 || byte !== closing) return this.#fail(pos, g.expectedAt(this.#expect));
    const context = this.#frame & ~OBJECT_BIT;
    this.#frame = --this.#depth === 0 ? PLAIN : this.#frames[this.#depth]!;
    if (context !== PLAIN) this.#collector.close(context, this.#frame & ~OBJECT_BIT, pos + 1);
    this.#valueEnded();
    return pos + 1;
  }

  #open(isObject: boolean, pos: number): number {
    if (this.#depth === this.#depthMax) return this.#fail(pos, `nested deeper than ${this.#depthMax} levels`);
    const parent = this.#frame & ~OBJECT_BIT;
    let context = PLAIN;
    if (this.#depth === 0) context = this.#collector.top(isObject);
    else if (parent !== PLAIN) context = this.#collector.open(parent, isObject, pos);
    this.#frame = isObject ? context | OBJECT_BIT : context;
    this.#frames[++this.#depth] = this.#frame;
    this.#expect = isObject ? KEY_OR_END : ELEMENT_OR_END;
    return pos + 1;
  }

  #valueEnded(): void {
    this.#expect = this.#depth === 0 ? END : COMMA_OR_END;
  }

  /** Goes on in a string that the end of a slice has cut. */
  #string(from: number, limit: number): number {
    const pos = stringEnd(this.#bytes, this.#words, this.#shift, from, limit);
    if (pos < 0 || pos >= limit || this.#bytes[pos] !== QUOTE) return this.#cutString(pos, limit);
    return this.#closeString(pos);
  }

  #cutString(pos: number, limit: number): number {
    if (pos >= limit) return pos;
    if (pos < 0) return this.#fail(~pos, 'invalid escape in a string');
    return this.#fail(pos, 'control character in a string');
  }

  #tellString(isKey: boolean, start: number, end: number): void {
    const context = this.#frame & ~OBJECT_BIT;
    if (isKey) this.#collector.key(context, start, end);
    else this.#collector.scalar(context, STRING, start, end);
  }

  #closeString(end: number): number {
    const context = this.#frame & ~OBJECT_BIT;
    if (this.#expect === IN_KEY) {
      this.#expect = COLON;
      if (context !== PLAIN) this.#collector.key(context, this.#tokenStart, end);
    } else {
      if (context !== PLAIN) this.#collector.scalar(context, STRING, this.#tokenStart, end);
      this.#valueEnded();
    }
    return end + 1;
  }

  #number(from: number, limit: number): number {
    const bytes = this.#bytes;
    let pos = from;
    let phase = this.#numberPhase;
    let next = phase;
    while (pos < limit) {
      next = nextNumberPhase(phase, bytes[pos]!);
      if (next >= NUMBER_END) break;
      phase = next;
      pos++;
    }
    this.#numberPhase = phase;
    if (next === NUMBER_BAD) return this.#fail(pos, 'invalid number');
    if (next === NUMBER_END) this.#closeNumber(pos);
    return pos;
  }

  #closeNumber(end: number): void {
    const context = this.#frame & ~OBJECT_BIT;
    if (context !== PLAIN) this.#collector.scalar(context, NUMBER, this.#tokenStart, end);
    this.#valueEnded();
  }

  #literal(kind: number, word: Uint8Array, pos: number): number {
    for (let i = 1; i < word.length; i++) {
      if (this.#bytes[pos + i] !== word[i]) return this.#fail(pos + i, g.expectedAt(VALUE));
    }
    const end = pos + word.length;
    const context = this.#frame & ~OBJECT_BIT;
    if (context !== PLAIN) this.#collector.scalar(context, kind, pos, end);
    this.#valueEnded();
    return end;
  }

  #endOfBody(): void {
    if (this.#expect === IN_NUMBER && isCompleteNumber(this.#numberPhase)) this.#closeNumber(this.#bytes.length);
    if (this.#expect !== END) this.#fail(this.#bytes.length, BODY_ENDED);
  }

  #fail(offset: number, reason: string): number {
    this.#pos = offset;
    this.#error = { offset, reason: offset < this.#bytes.length ? reason : BODY_ENDED };
    return FAILED;
  }
}

/** Of `scan`, which never runs twice at once on a thread. */
const scanner = new Scanner(NO_BYTES, 0);

/** Scans a whole body in one go: for bodies of up to SCAN_SLICE_BYTES. */
export function scan(bytes: Uint8Array, depthMax: number): Facts | ScanError {
  scanner.reset(bytes, depthMax);
  const result = scanner.finish();
  scanner.release();
  return result;
}
