/**
 * A frame (or an element of a streamed array) that comes again and again: the bytes that never change, and holes for what does. Tells of
 * other bytes whether they are that frame but for what fills the holes, so that who has read one of them knows the others. Runs on front
 * threads. Never throws; a match allocates nothing.
 *
 *   data: {"id":"…","created":#,"choices":[{"delta":{"content":"…"},"finish_reason":null}]}LF LF
 *               hole         hole                             text, whose bytes are counted
 *
 * A hole is the inside of a string that is a value, or a run of digits outside strings. What fills it changes nothing around it: a string
 * ends with its first quote without a backslash, as `KeyScan` sees it, and a control character, so a line end, fills none. Whatever
 * is a key, a bracket or a line in one frame is the same in all that match.
 *
 *   program = *( wordsEnd tailEnd *word *byte kind )      Int32: a piece of fixed bytes, where its words and its bytes end in the
 *                                                         program, and what stands behind it
 */
import { type KeyScan, stringEnd } from './key-scan.ts';

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Frames longer than this, or with more holes, are not learned. */
const PATTERN_BYTES_MAX = 2048;
const HOLES_MAX = 64;

/** What stands behind a piece. The marks are places and hold nothing. */
const END = 0;
const DIGITS = 1;
const STRING = 2;
const TEXT = 3;
const MARK_START = 4;
const MARK_END = 5;

/** Of four bytes, those that are a quote, a control character or a backslash: `wire/scan-string.ts` says how. */
const SWAP_QUOTE = 0x02020202;
const BELOW_21 = 0x21212121;
const BACKSLASHES = 0x5c5c5c5c;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;

/** A whole frame, `bytes[start, end)`, to learn from. */
export interface FrameToLearn {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Its JSON, outside of which there are no holes. */
  readonly dataStart: number;
  readonly dataEnd: number;
  /** An object in it whose place is told of each match; both -1: none. */
  readonly markStart: number;
  readonly markEnd: number;
  /** What its reader wants to be told again of each match. */
  readonly flags: number;
}

/** Of this thread's latest match. */
export const matched = {
  /** Of the texts under text keys, as they stand. */
  textBytes: 0,
  /** Where the marked object is in the bytes; both -1: there is none. */
  markStart: -1,
  markEnd: -1,
};

export class FramePattern {
  readonly flags: number;
  readonly #program: Int32Array;

  /** Null when the frame is too long, has too many holes, or a string that does not end. */
  static learn(frame: FrameToLearn, keys: KeyScan): FramePattern | null {
    if (frame.end - frame.start > PATTERN_BYTES_MAX) return null;
    const program = new Draft(frame, keys).program();
    return program === null ? null : new FramePattern(program, frame.flags);
  }

  private constructor(program: readonly number[], flags: number) {
    this.#program = Int32Array.from(program);
    this.flags = flags;
  }

  /** Where the frame that begins at `start` ends, when it is one of these and whole before `limit`; otherwise -1. Fills `matched`. */
  match(bytes: Buffer, start: number, limit: number): number {
    lookAt(bytes.buffer);
    const program = this.#program;
    const seen = view;
    const base = bytes.byteOffset;
    const last = base + limit;
    let textBytes = 0;
    let step = 0;
    let at = base + start;
    matched.markStart = matched.markEnd = -1;
    for (;;) {
      const wordsEnd = program[step]!;
      const tailEnd = program[step + 1]!;
      step += 2;
      if (at + 4 * (wordsEnd - step) + tailEnd - wordsEnd > last) return -1;
      for (; step < wordsEnd; step++, at += 4) if (seen.getInt32(at, true) !== program[step]) return -1;
      for (; step < tailEnd; step++, at++) if (seen.getUint8(at) !== program[step]) return -1;
      const kind = program[step++]!;
      const from = at;
      if (kind === STRING || kind === TEXT) {
        at = closingQuote(seen, from, last);
        if (at < 0) return -1;
        if (kind === TEXT) textBytes += at - from;
      } else if (kind === DIGITS) {
        while (at < last && isDigit(seen.getUint8(at))) at++;
        if (at === from) return -1;
      } else if (kind === MARK_START) matched.markStart = at - base;
      else if (kind === MARK_END) matched.markEnd = at - base;
      else {
        matched.textBytes = textBytes;
        return at - base;
      }
    }
  }
}

/** The walk over a frame that finds its holes, by the same rules as `KeyScan.scan`. */
class Draft {
  readonly #frame: FrameToLearn;
  readonly #keys: KeyScan;
  readonly #program: number[] = [];
  #fixedStart: number;
  #holes = 0;

  constructor(frame: FrameToLearn, keys: KeyScan) {
    this.#frame = frame;
    this.#keys = keys;
    this.#fixedStart = frame.start;
  }

  program(): number[] | null {
    const { bytes, end, dataStart, dataEnd, markStart, markEnd } = this.#frame;
    let key = -1;
    let at = dataStart;
    while (at < dataEnd) {
      const byte = bytes[at]!;
      if (at === markStart) this.#piece(at, MARK_START, at);
      if (at === markEnd) this.#piece(at, MARK_END, at);
      if (byte === QUOTE) {
        const close = stringEnd(bytes, at + 1, dataEnd);
        if (close >= dataEnd) return null;
        let next = close + 1;
        while (next < dataEnd && bytes[next] === SPACE) next++;
        if (next < dataEnd && bytes[next] === COLON) key = this.#keys.indexOf(bytes, at + 1, close);
        else {
          if (!this.#keys.isFixed(key)) this.#piece(at + 1, this.#keys.isText(key) ? TEXT : STRING, close);
          key = -1;
        }
        at = close + 1;
      } else if (isDigit(byte)) {
        const from = at;
        while (at < dataEnd && isDigit(bytes[at]!)) at++;
        this.#piece(from, DIGITS, at);
      } else at++;
    }
    if (markEnd === dataEnd) this.#piece(dataEnd, MARK_END, dataEnd);
    this.#piece(end, END, end);
    return this.#holes > HOLES_MAX ? null : this.#program;
  }

  /** The fixed bytes up to `fixedEnd`, what stands behind them, and where the next ones begin. */
  #piece(fixedEnd: number, kind: number, next: number): void {
    const { bytes } = this.#frame;
    const program = this.#program;
    const fixedBytes = fixedEnd - this.#fixedStart;
    const wordsEnd = program.length + 2 + (fixedBytes >> 2);
    program.push(wordsEnd, wordsEnd + (fixedBytes & 3));
    let at = this.#fixedStart;
    for (; at + 4 <= fixedEnd; at += 4) program.push(bytes.readInt32LE(at));
    for (; at < fixedEnd; at++) program.push(bytes[at]!);
    program.push(kind);
    this.#fixedStart = next;
    this.#holes++;
  }
}

function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9;
}

/** Where the string's closing quote is; -1 when it is not before `last`, or a control character is. */
function closingQuote(seen: DataView, from: number, last: number): number {
  let at = from;
  for (;;) {
    if (at + 4 <= last) {
      const word = seen.getInt32(at, true);
      const flags = (((word ^ SWAP_QUOTE) - BELOW_21) | ((word ^ BACKSLASHES) - ONES)) & ~word & HIGH_BITS;
      if (flags === 0) {
        at += 4;
        continue;
      }
      at += (31 - Math.clz32(flags & -flags)) >> 3;
    }
    if (at >= last) return -1;
    const byte = seen.getUint8(at);
    if (byte === QUOTE) return at;
    if (byte < SPACE) return -1;
    if (byte === BACKSLASH) {
      if (++at >= last || seen.getUint8(at) < SPACE) return -1;
    }
    at++;
  }
}

/** All connections to upstreams are read into one buffer, so its view is kept; that of a large one would keep its memory. */
const KEPT_BYTES_MAX = 128 * 1024;
const NO_BUFFER = new ArrayBuffer(0);
let viewed: ArrayBufferLike = NO_BUFFER;
let view: DataView = new DataView(viewed);

function lookAt(buffer: ArrayBufferLike): void {
  if (buffer === viewed) return;
  view = new DataView(buffer);
  viewed = buffer.byteLength > KEPT_BYTES_MAX ? NO_BUFFER : buffer;
}
