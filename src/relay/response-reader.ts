/**
 * Reads one response after another from the bytes of one connection and tells its sink what they hold. A response is never begun
 * unless one was asked for, so bytes behind the end of one reach nobody.
 *
 *   idle ──expect──► head ──200…──► body ──last byte / end of the connection──► idle
 *                    ▲  │ 1xx (skipped, within a bound)
 *                    └──┘
 *
 * Front thread only; no I/O.
 */
import { BodyDecoder } from './body-decoder.ts';
import { LF } from './http-bytes.ts';
import { HEAD_BYTES_MAX, INCOMPLETE, MALFORMED, ResponseHead, type UpstreamHeaders } from './response-head.ts';

export interface ResponseSink {
  /** `status` below 200 says only that the upstream lives. */
  onHead(status: number, headers: UpstreamHeaders): void;
  /** The bytes are the sink's only until it returns. */
  onRun(bytes: Buffer, start: number, end: number): void;
}

/** Heads with a status below 200 before one answer: 16 times the longest head. */
const INFORMATIONAL_BYTES_MAX = 16 * HEAD_BYTES_MAX;
const NONE = Buffer.alloc(0);

export class ResponseReader {
  readonly head = new ResponseHead();
  readonly #body = new BodyDecoder();
  readonly #sink: ResponseSink;
  #stage: 'idle' | 'head' | 'body' = 'idle';
  /** The beginning of a head whose end has not come. */
  #begun = NONE;
  #informationalBytes = 0;
  /** Why the response was refused. */
  fault = '';

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** No response is under way. */
  get idle(): boolean {
    return this.#stage === 'idle';
  }

  /** Whether the end of the connection ends the response as it should. */
  get endsWithConnection(): boolean {
    return this.#stage === 'body' && this.#body.kind === 'close';
  }

  /** A request has left: one response may come. */
  expect(): void {
    this.#stage = 'head';
    this.#informationalBytes = 0;
  }

  /** The exchange is over, whatever else comes. */
  stop(): void {
    this.#stage = 'idle';
    this.#begun = NONE;
  }

  /** Reads up to `limit`; the offset behind the response (before `limit`: there is more than was asked for), or −1: malformed. */
  read(bytes: Buffer, limit: number): number {
    let at = 0;
    while (at < limit && this.#stage !== 'idle') {
      at = this.#stage === 'head' ? this.#readHead(bytes, at, limit) : this.#readBody(bytes, at, limit);
      if (at < 0) return at;
    }
    return at;
  }

  #readBody(bytes: Buffer, at: number, limit: number): number {
    const body = this.#body;
    const next = body.next(bytes, at, limit);
    if (next < 0) this.fault = body.fault;
    else if (body.done) this.stop();
    if (body.runEnd > body.runStart) this.#sink.onRun(bytes, body.runStart, body.runEnd);
    return next;
  }

  #readHead(bytes: Buffer, at: number, limit: number): number {
    if (this.#begun.length > 0) return this.#readBegunHead(bytes, at, limit);
    const end = this.head.read(bytes, at, Math.min(limit, at + HEAD_BYTES_MAX));
    if (end === MALFORMED) return this.#refuse(this.head.fault);
    if (end === INCOMPLETE) return this.#keep(bytes, at, limit);
    return this.#headRead(end - at) ? end : MALFORMED;
  }

  /** What comes is appended and read as a whole; only a new line can have changed anything. */
  #readBegunHead(bytes: Buffer, at: number, limit: number): number {
    const before = this.#begun.length;
    const taken = Math.min(limit - at, HEAD_BYTES_MAX - before);
    const hasLine = bytes.subarray(at, at + taken).includes(LF);
    const whole = Buffer.concat([this.#begun, bytes.subarray(at, at + taken)]);
    this.#begun = whole;
    if (!hasLine) return this.#isWithinBound(at + taken);
    const end = this.head.read(whole, 0, whole.length);
    if (end === MALFORMED) return this.#refuse(this.head.fault);
    if (end === INCOMPLETE) return this.#isWithinBound(at + taken);
    this.#begun = NONE;
    return this.#headRead(end) ? at + end - before : MALFORMED;
  }

  #keep(bytes: Buffer, at: number, limit: number): number {
    this.#begun = Buffer.from(bytes.subarray(at, Math.min(limit, at + HEAD_BYTES_MAX)));
    return this.#isWithinBound(limit);
  }

  #isWithinBound(next: number): number {
    return this.#begun.length < HEAD_BYTES_MAX ? next : this.#refuse('a head that is too long');
  }

  #headRead(headBytes: number): boolean {
    const { head } = this;
    const { status, headers } = head;
    if (status < 200) this.#informationalBytes += headBytes;
    else this.#beginBody();
    if (status === 101) this.fault = 'a switch of protocols that nobody asked for';
    if (this.#informationalBytes > INFORMATIONAL_BYTES_MAX) this.fault = 'early hints without end';
    if (this.fault !== '') return false;
    this.#sink.onHead(status, headers);
    head.forgetHeaders();
    return true;
  }

  #beginBody(): void {
    const { status, chunked, contentLength } = this.head;
    if (status === 204 || status === 304) {
      this.#body.begin('none', 0);
      // A body that is named here and comes after all would be taken for the beginning of the next answer.
      if (chunked || contentLength > 0) this.head.closes = true;
    } else if (chunked) this.#body.begin('chunked', 0);
    else if (contentLength >= 0) this.#body.begin('length', contentLength);
    else this.#body.begin('close', 0);
    if (this.#body.done) this.stop();
    else this.#stage = 'body';
  }

  #refuse(fault: string): number {
    this.fault = fault;
    return MALFORMED;
  }
}
