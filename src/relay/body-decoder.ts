/**
 * Takes the framing off one response body: by length, in chunks (RFC 9112 §7.1), until the end of the connection, or none. Data of
 * neighbouring small chunks are moved together, over the framing between them, so that a read with ten events is handed on once.
 *
 *   chunked:  size ──CRLF──► data ──CRLF──► size … ──0 CRLF──► trailer lines ──empty line──► done
 *                └─ ";" extension ─┘                     (checked and skipped, within a bound)
 *
 * Front thread only; no I/O.
 */
import { COLON, CR, HEX_VALUE, LF, NAME_BYTE, SEMICOLON, TEXT_BYTE } from './http-bytes.ts';

export type BodyKind = 'none' | 'length' | 'chunked' | 'close';

const AT_SIZE = 0;
const AT_EXTENSION = 1;
const AT_SIZE_LF = 2;
const IN_DATA = 3;
const AT_DATA_CR = 4;
const AT_DATA_LF = 5;
const AT_TRAILER = 6;
const IN_TRAILER_NAME = 7;
const IN_TRAILER_VALUE = 8;
const AT_TRAILER_LF = 9;
const AT_LAST_LF = 10;

/** Longer chunks stay where they are: moving them costs more than handing them on by themselves. */
const MOVE_BYTES_MAX = 4096;
const SIZE_DIGITS_MAX = 13;
/** Extensions and trailers of one body. */
const IGNORED_BYTES_MAX = 16 * 1024;

export class BodyDecoder {
  /** The whole body was read. Never true for a body that ends with the connection. */
  done = true;
  /** Where the data found by the last `next` are; none when both are the same. */
  runStart = 0;
  runEnd = 0;
  /** Why the body was refused. */
  fault = '';
  kind: BodyKind = 'none';
  #left = 0;
  #state = AT_SIZE;
  #digits = 0;
  #ignored = 0;

  begin(kind: BodyKind, length: number): void {
    this.kind = kind;
    this.#left = length;
    this.done = kind === 'none' || (kind === 'length' && length === 0);
    this.#state = AT_SIZE;
    this.#digits = 0;
    this.#ignored = 0;
    if (kind === 'chunked') this.#left = 0;
  }

  /**
   * Reads from `at`, at most to `limit`, one run of data, which may have been moved within what was read; call it again while it has
   * not reached `limit` and the body is not done. The offset behind what it has read, or −1 when the framing is broken.
   */
  next(bytes: Buffer, at: number, limit: number): number {
    if (this.kind === 'chunked') return this.#nextChunked(bytes, at, limit);
    this.runStart = at;
    this.runEnd = limit;
    if (this.kind === 'length') {
      this.runEnd = Math.min(limit, at + this.#left);
      this.#left -= this.runEnd - at;
      this.done = this.#left === 0;
    }
    return this.runEnd;
  }

  #nextChunked(bytes: Buffer, start: number, limit: number): number {
    let at = start;
    this.runStart = this.runEnd = start;
    while (at < limit && !this.done) {
      if (this.#state !== IN_DATA) {
        if (!this.#step(bytes[at]!)) return -1;
        at++;
        continue;
      }
      const length = Math.min(this.#left, limit - at);
      if (this.runStart === this.runEnd) this.runStart = this.runEnd = at;
      else if (length > MOVE_BYTES_MAX) return at;
      else bytes.copyWithin(this.runEnd, at, at + length);
      this.runEnd += length;
      at += length;
      this.#left -= length;
      if (this.#left === 0) this.#state = AT_DATA_CR;
    }
    return at;
  }

  /** One byte of framing. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case AT_SIZE:
        return this.#stepSize(byte);
      case AT_EXTENSION:
        return byte === CR ? this.#go(AT_SIZE_LF) : this.#ignore(byte);
      case AT_SIZE_LF:
        return byte === LF
          ? this.#go(this.#left === 0 ? AT_TRAILER : IN_DATA)
          : this.#refuse('a chunk size without its end');
      case AT_DATA_CR:
        return byte === CR ? this.#go(AT_DATA_LF) : this.#refuse('a chunk that is longer than it said');
      case AT_DATA_LF:
        this.#digits = 0;
        return byte === LF ? this.#go(AT_SIZE) : this.#refuse('a chunk without its end');
      case AT_TRAILER:
        return byte === CR ? this.#go(AT_LAST_LF) : this.#go(IN_TRAILER_NAME) && this.#stepTrailerName(byte);
      case IN_TRAILER_NAME:
        return byte === COLON ? this.#go(IN_TRAILER_VALUE) : this.#stepTrailerName(byte);
      case IN_TRAILER_VALUE:
        return byte === CR ? this.#go(AT_TRAILER_LF) : this.#ignore(byte);
      case AT_TRAILER_LF:
        return byte === LF ? this.#go(AT_TRAILER) : this.#refuse('a bare carriage return in a trailer');
      default:
        this.done = true;
        return byte === LF || this.#refuse('trailers without their end');
    }
  }

  #stepSize(byte: number): boolean {
    const digit = HEX_VALUE[byte]!;
    if (digit < 0) {
      if (this.#digits === 0) return this.#refuse('a chunk without a size');
      if (byte === CR) return this.#go(AT_SIZE_LF);
      return byte === SEMICOLON ? this.#go(AT_EXTENSION) : this.#refuse('a chunk size that is no number');
    }
    if (++this.#digits > SIZE_DIGITS_MAX) return this.#refuse('a chunk size of too many digits');
    this.#left = this.#left * 16 + digit;
    return true;
  }

  #stepTrailerName(byte: number): boolean {
    return NAME_BYTE[byte] === 0 ? this.#refuse('a malformed trailer') : this.#ignore(byte);
  }

  #go(state: number): true {
    this.#state = state;
    return true;
  }

  #ignore(byte: number): boolean {
    if (TEXT_BYTE[byte] === 0) return this.#refuse('a forbidden byte in an extension or a trailer');
    return ++this.#ignored <= IGNORED_BYTES_MAX || this.#refuse('too many extensions or trailers');
  }

  #refuse(fault: string): false {
    this.fault = fault;
    return false;
  }
}
