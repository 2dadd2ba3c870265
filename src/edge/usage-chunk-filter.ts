/**
 * Takes out of a Chat stream what the client did not ask for: the chunk that carries nothing but usage, which was asked for on its
 * behalf, and the `"usage":null` that asking puts into all the others. Every other byte leaves as it came, and in its order.
 *
 *   chunk ──► whole frames without `usage"` ────────────────────────────────────────► leaves as it is
 *         └─► [ tail of a frame ][ frame ][ frame ][ head of a frame ]
 *               joins what is kept   leave, but for what is cut out   kept until it is whole
 *
 * What is behind a cut moves forward within the chunk; only half a frame is ever copied. A frame beyond the bound is none of these, and
 * leaves as it comes. Front thread only. Measured by native-bench/micro/usage-filter.ts.
 */
import type { AnswerTransform } from './answer-transform.ts';

/** A chunk that carries usage alone has some hundred bytes. */
const FRAME_BYTES_MAX = 16 * 1024;
/** Without its first quote, which is everywhere: of a delta of 290 bytes the search takes 90 ns, with the quote 250. */
const USAGE_END = Buffer.from('usage"');
/** A quote within a text is escaped, so this can be nothing but a member. */
const NULL_USAGE = Buffer.from(',"usage":null');
const NULL_USAGE_BYTES = 13;
/** Of the member, what is before `USAGE_END`. */
const MEMBER_HEAD_BYTES = 2;
const DATA = Buffer.from('data:');
const CR_CR = Buffer.from('\r\r');
const EMPTY = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const OBJECT_CLOSE = 0x7d;

export class UsageChunkFilter implements AnswerTransform {
  readonly failure = null;
  readonly outcome = 'whole';
  /** Half a frame counts to the exchange. */
  readonly budgetedBytes = 0;
  readonly awaitsComma = false;
  /** The frame that is not whole yet; empty while it leaves as it comes. */
  #kept: Buffer = EMPTY;
  #passing = false;

  push(chunk: Uint8Array): Uint8Array | null {
    const came = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const { length } = this.#kept;
    // A blank line may lie across the two.
    if (length > 0) return this.#cut(Buffer.concat([this.#kept, came]), Math.max(0, length - 2));
    const last = this.#passing ? -1 : lastContentEnd(came);
    if (last < 0) return this.#cut(came, 0);
    let at = nullAtEnd(came, 0, came.length);
    if (at < 0) {
      const usage = came.indexOf(USAGE_END);
      if (usage < 0) return came;
      if (isNullUsage(came, usage - MEMBER_HEAD_BYTES)) at = usage - MEMBER_HEAD_BYTES;
    }
    return at >= 0 && isOneLine(came, last) ? withoutNull(came, at) : this.#cut(came, 0);
  }

  end(): Uint8Array | null {
    const rest = this.#kept;
    this.#kept = EMPTY;
    const isCut = rest.includes(USAGE_END) && isUsageOnly(rest, 0, rest.length);
    return rest.length === 0 || isCut ? null : rest;
  }

  errorSaid(): null {
    return null;
  }

  drop(): void {
    this.#kept = EMPTY;
  }

  /** No frame ends before `searched`. */
  #cut(bytes: Buffer, searched: number): Uint8Array | null {
    let from = 0;
    let to = 0;
    walk.begin(bytes, searched);
    while (walk.next()) {
      if (!this.#passing && walk.findCut()) {
        to = moved(bytes, from, walk.cutStart, to);
        from = walk.cutEnd;
      }
      this.#passing = false;
    }
    const { end } = walk;
    walk.release();
    this.#passing = end < bytes.length && (this.#passing || bytes.length - end > FRAME_BYTES_MAX);
    const leaves = this.#passing ? bytes.length : end;
    this.#kept = leaves === bytes.length ? EMPTY : Buffer.from(bytes.subarray(leaves));
    to = moved(bytes, from, leaves, to);
    if (to === 0) return null;
    return to === bytes.length ? bytes : bytes.subarray(0, to);
  }
}

/** Goes over the frames of one chunk, and finds in each what must not leave. One for all filters of a thread. */
class FrameWalk {
  /** Of the frame at hand. */
  start = 0;
  end = 0;
  /** Of what `findCut` has found. */
  cutStart = 0;
  cutEnd = 0;
  #bytes: Buffer = EMPTY;
  #searched = 0;
  /** The next of each that is not before the frame; the length where there is none. */
  #crCr = 0;
  #usage = -1;

  begin(bytes: Buffer, searched: number): void {
    this.#bytes = bytes;
    this.#searched = searched;
    this.start = this.end = 0;
    this.#crCr = bytes.indexOf(CR, searched) < 0 ? bytes.length : indexOrEnd(bytes, CR_CR, searched);
    this.#usage = -1;
  }

  release(): void {
    this.#bytes = EMPTY;
  }

  /** The next frame that ends in the chunk. */
  next(): boolean {
    const bytes = this.#bytes;
    const from = Math.max(this.#searched, this.end);
    if (this.#crCr < from) this.#crCr = indexOrEnd(bytes, CR_CR, from);
    const blank = Math.min(behindBlank(bytes, from), this.#crCr + CR_CR.length);
    if (blank > bytes.length) return false;
    this.start = this.end;
    this.end = blank;
    return true;
  }

  /** What of the frame must not leave: all of it, or the member that says nothing. False: nothing. */
  findCut(): boolean {
    const bytes = this.#bytes;
    const { start, end } = this;
    if (this.#foundNull(nullAtEnd(bytes, start, end))) return true;
    let hasUsage = false;
    if (this.#usage < start) this.#usage = indexOrEnd(bytes, USAGE_END, start);
    while (this.#usage < end) {
      const at = this.#usage - MEMBER_HEAD_BYTES;
      if (isNullUsage(bytes, at)) return this.#foundNull(at);
      hasUsage ||= this.#usage > start && bytes[this.#usage - 1] === QUOTE;
      this.#usage = indexOrEnd(bytes, USAGE_END, this.#usage + 1);
    }
    this.cutStart = start;
    this.cutEnd = end;
    return hasUsage && isUsageOnly(bytes, start, end);
  }

  #foundNull(at: number): boolean {
    this.cutStart = at;
    this.cutEnd = at + NULL_USAGE_BYTES;
    return at >= 0;
  }
}

const walk = new FrameWalk();

/** Moves `bytes[from, end)` to `to`, and returns where that ends. */
function moved(bytes: Buffer, from: number, end: number, to: number): number {
  if (from !== to && from < end) bytes.copyWithin(to, from, end);
  return to + end - from;
}

/** Where the line ends begin that a chunk of whole frames ends with; -1 when it is none, or may be none. */
function lastContentEnd(bytes: Buffer): number {
  const { length } = bytes;
  const last = contentEnd(bytes, 0, length);
  if (last === 0 || bytes[length - 1] !== LF) return -1;
  if (length - last === 2) return bytes[last] === LF ? last : -1;
  const isCrLfTwice = length - last === 4 && bytes[last] === CR && bytes[last + 1] === LF && bytes[last + 2] === CR;
  return isCrLfTwice ? last : -1;
}

/** No line ends before `last`. */
function isOneLine(bytes: Buffer, last: number): boolean {
  if (bytes.indexOf(LF) < last) return false;
  const cr = bytes.indexOf(CR);
  return cr < 0 || cr >= last;
}

function withoutNull(bytes: Buffer, at: number): Buffer {
  bytes.copyWithin(at, at + NULL_USAGE_BYTES);
  return bytes.subarray(0, bytes.length - NULL_USAGE_BYTES);
}

/** Where the line ends begin that `bytes[start, end)` ends with. */
function contentEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] === LF || bytes[at - 1] === CR)) at--;
  return at;
}

/** Behind the first blank line after a LF; beyond the chunk's end when there is none. */
function behindBlank(bytes: Buffer, from: number): number {
  const last = bytes.length - 1;
  let at = bytes.indexOf(LF, from);
  while (at >= 0 && at < last) {
    const next = bytes[at + 1];
    if (next === LF) return at + 2;
    if (next === CR && at + 1 < last && bytes[at + 2] === LF) return at + 3;
    at = bytes.indexOf(LF, at + 1);
  }
  return bytes.length + 1;
}

/** Where the member is, when it is the last one of the frame's object; otherwise -1. */
function nullAtEnd(bytes: Buffer, start: number, end: number): number {
  const last = contentEnd(bytes, start, end) - 1;
  const at = last - NULL_USAGE_BYTES;
  return last >= start && bytes[last] === OBJECT_CLOSE && isNullUsage(bytes, at) ? at : -1;
}

/** `at`, and the end of a member there, may lie outside the bytes. A member has no line end, so it is never in two frames. */
function isNullUsage(bytes: Buffer, at: number): boolean {
  if (at < 0 || at + NULL_USAGE_BYTES > bytes.length) return false;
  for (let i = 0; i < NULL_USAGE_BYTES; i++) if (bytes[at + i] !== NULL_USAGE[i]) return false;
  return true;
}

function isUsageOnly(bytes: Buffer, start: number, end: number): boolean {
  const at = indexOrEnd(bytes, DATA, start);
  if (at >= end) return false;
  try {
    const { choices, usage } = JSON.parse(bytes.toString('utf8', at + DATA.length, end));
    return Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && usage !== null;
  } catch {
    return false;
  }
}

function indexOrEnd(bytes: Buffer, what: Buffer, from: number): number {
  const at = bytes.indexOf(what, from);
  return at < 0 ? bytes.length : at;
}
