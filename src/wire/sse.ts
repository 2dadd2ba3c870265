/**
 * Server-sent events as bytes: cuts a byte stream into frames wherever the chunks end, and reads the fields of one frame.
 * Runs on front threads. Never decodes text, never changes or keeps a chunk; a frame that straddles chunks is copied.
 *
 *   stream  = [ BOM ] *frame
 *   frame   = *line line-end            a blank line ends the frame
 *   line    = ":" text line-end         comment
 *           | name [ ":" [ " " ] value ] line-end
 *   line-end = LF | CR LF | CR
 *
 * Several `data` lines of a frame are one value, joined by LF (WHATWG HTML, section 9.2.6). Unlike a browser, `end` also delivers
 * a last frame whose blank line never came: it is metered although the client may not have seen it.
 *
 *   push:  chunk ──► [ ...tail of a frame ][ frame ][ frame ][ head of a frame... ]
 *                      │ joins `held`        │ delivered in place   │ copied to `held`, at most `frameBytesMax` of it
 */
import { KeptTail } from './kept-tail.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

const HELD_BYTES_MIN = 512;
/** A larger buffer is given back once its frame is done: thousands of streams must not keep their largest frame. */
const HELD_BYTES_KEPT = 4096;

const EMPTY = Buffer.alloc(0);

export interface SseFrameSink {
  /**
   * One frame: `bytes[start, end)` with its line ends, valid only during the call. `frameBytes` is its whole length; where it
   * exceeds `end - start` the frame was longer than the bound and only its head is here; `SseSplitter.tail` is the end of it.
   */
  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void;
}

/** Cuts one stream into frames. The result depends on the bytes alone, never on how they were chunked. */
export class SseSplitter {
  readonly #sink: SseFrameSink;
  readonly #frameBytesMax: number;
  readonly #tail: KeptTail;
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  /** Bytes of the unfinished frame in earlier chunks, those beyond the bound included. */
  #frameBytes = 0;
  #lineEmpty = true;
  #lastWasCr = false;
  #atStart = true;

  /** `tailBytesMax`: of a frame beyond the bound, so many of its last bytes are kept as well. */
  constructor(sink: SseFrameSink, frameBytesMax: number, tailBytesMax = 0) {
    this.#sink = sink;
    this.#frameBytesMax = frameBytesMax;
    this.#tail = new KeptTail(tailBytesMax);
  }

  reset(): void {
    this.#release();
    this.#lineEmpty = true;
    this.#lastWasCr = false;
    this.#atStart = true;
  }

  /** The last bytes of a frame that is longer than the bound; empty for all others. Valid while it is delivered. */
  get tail(): Buffer {
    return this.#tail.bytes;
  }

  /** Bytes of memory held for an unfinished frame. */
  get heldBytes(): number {
    return this.#held.length + this.tail.length;
  }

  /** Bytes at the end of what was pushed that belong to a frame whose end has not come. */
  get unfinishedBytes(): number {
    return this.#frameBytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    // Buffer.indexOf takes 8 ns where Uint8Array.indexOf takes 27 (frames of 133 bytes).
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const start = this.#cut(bytes);
    if (start < bytes.length) this.#hold(bytes, start, bytes.length);
  }

  /** The stream is over: delivers what has no blank line yet. */
  end(): void {
    if (this.#frameBytes > 0) this.#finish(EMPTY, 0, 0);
  }

  /** Delivers every frame that ends in this chunk and returns where the unfinished one starts. */
  #cut(bytes: Buffer): number {
    const length = bytes.length;
    let at = this.#lastWasCr && bytes[0] === LF ? 1 : 0;
    // The LF of a CR that ended a frame belongs to no frame; one inside a frame stays with it.
    let start = this.#frameBytes === 0 ? at : 0;
    this.#lastWasCr = false;
    let nextLf = -1;
    let nextCr = indexOrEnd(bytes, CR, at);
    while (at < length) {
      if (nextLf < at) nextLf = bytes[at] === LF ? at : indexOrEnd(bytes, LF, at);
      if (nextCr < at) nextCr = indexOrEnd(bytes, CR, at);
      const lineEnd = Math.min(nextLf, nextCr);
      const blank = this.#lineEmpty && lineEnd === at;
      this.#lineEmpty = lineEnd < length;
      at = lineEnd + 1;
      if (lineEnd === length) break;
      if (blank) this.#finish(bytes, start, at);
      if (lineEnd === nextCr) {
        if (at === length) this.#lastWasCr = true;
        else if (bytes[at] === LF) at++;
      }
      if (blank) start = at;
    }
    return start;
  }

  #finish(bytes: Buffer, start: number, end: number): void {
    if (this.#frameBytes === 0) {
      // Nothing but a line end: two blank lines in a row, or a keep-alive.
      if (end - start > 1) this.#deliver(bytes, start, end, end - start);
      this.#atStart = false;
      this.#tail.release();
      return;
    }
    this.#hold(bytes, start, end);
    this.#deliver(this.#held, 0, this.#heldBytes, this.#frameBytes);
    this.#release();
    this.#lineEmpty = true;
  }

  #deliver(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    const skip = this.#atStart && startsWithBom(bytes, start, end) ? 3 : 0;
    this.#atStart = false;
    const head = Math.min(end, start + this.#frameBytesMax);
    if (head < end) this.#tail.keep(bytes, head, end);
    this.#sink.frame(bytes, start + skip, head, frameBytes - skip);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const copied = Math.min(end - start, this.#frameBytesMax - this.#heldBytes);
    this.#frameBytes += end - start;
    if (copied < end - start) this.#tail.keep(bytes, start + Math.max(0, copied), end);
    if (copied <= 0) return;
    const needed = this.#heldBytes + copied;
    if (needed > this.#held.length) this.#grow(needed);
    bytes.copy(this.#held, this.#heldBytes, start, start + copied);
    this.#heldBytes = needed;
  }

  #grow(needed: number): void {
    const size = Math.min(this.#frameBytesMax, Math.max(HELD_BYTES_MIN, needed, 2 * this.#held.length));
    const larger = Buffer.allocUnsafeSlow(size);
    this.#held.copy(larger, 0, 0, this.#heldBytes);
    this.#held = larger;
  }

  #release(): void {
    this.#heldBytes = 0;
    this.#frameBytes = 0;
    this.#tail.release();
    if (this.#held.length > HELD_BYTES_KEPT) this.#held = EMPTY;
  }
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from);
  return index < 0 ? bytes.length : index;
}

function startsWithBom(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
}

const EVENT_FIELD = Buffer.from('event');
const DATA_FIELD = Buffer.from('data');

/**
 * The `event` and `data` of one frame as spans of bytes; one object is read into again and again. Without an `event` line the
 * event span is empty, likewise the data span.
 */
export class SseFields {
  /** What the event span lies in. */
  bytes: Buffer = EMPTY;
  eventStart = 0;
  eventEnd = 0;
  /** What the data span lies in: the frame itself, or a joined copy when there were several data lines. */
  data: Buffer = EMPTY;
  dataStart = 0;
  dataEnd = 0;
  #hasData = false;

  /** Lets go of the chunk: a slow stream must not keep it until its next event. */
  release(): void {
    this.bytes = this.data = EMPTY;
    this.eventStart = this.eventEnd = this.dataStart = this.dataEnd = 0;
  }

  read(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.data = bytes;
    this.eventStart = this.eventEnd = this.dataStart = this.dataEnd = start;
    this.#hasData = false;
    let at = start;
    while (at < end) {
      let lineEnd = at;
      while (lineEnd < end && bytes[lineEnd] !== LF && bytes[lineEnd] !== CR) lineEnd++;
      if (isField(bytes, at, lineEnd, DATA_FIELD)) this.#addData(valueStart(bytes, at + 4, lineEnd), lineEnd, end);
      else if (isField(bytes, at, lineEnd, EVENT_FIELD)) {
        this.eventStart = valueStart(bytes, at + 5, lineEnd);
        this.eventEnd = lineEnd;
      }
      at = lineEnd + 1;
    }
  }

  #addData(start: number, end: number, frameEnd: number): void {
    if (!this.#hasData) {
      this.#hasData = true;
      this.dataStart = start;
      this.dataEnd = end;
      return;
    }
    if (this.data === this.bytes) this.#moveDataToCopy(frameEnd);
    this.data[this.dataEnd++] = LF;
    this.dataEnd += this.bytes.copy(this.data, this.dataEnd, start, end);
  }

  /** Each further line brings its own line end, which pays for the LF that joins it: the rest of the frame is room enough. */
  #moveDataToCopy(frameEnd: number): void {
    const joined = Buffer.allocUnsafe(frameEnd - this.dataStart + 1);
    this.dataEnd = this.bytes.copy(joined, 0, this.dataStart, this.dataEnd);
    this.dataStart = 0;
    this.data = joined;
  }
}

function isField(bytes: Buffer, start: number, lineEnd: number, name: Buffer): boolean {
  const end = start + name.length;
  if (end > lineEnd || (end < lineEnd && bytes[end] !== COLON)) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

/** Where the value starts, given where the name ended. */
function valueStart(bytes: Buffer, nameEnd: number, lineEnd: number): number {
  if (nameEnd >= lineEnd) return lineEnd;
  return bytes[nameEnd + 1] === SPACE && nameEnd + 1 < lineEnd ? nameEnd + 2 : nameEnd + 1;
}
