/**
 * One keep-alive connection to an upstream: its socket, and the one exchange of request and response that is under way on it.
 *
 *   connecting ──connect / secureConnect──► ready ──send──► waiting for the head ──► reading ──end──► ready
 *        │                                    │                   │                     │
 *        └──────────────── error, deadline, end of the connection, bytes nobody asked for ─────────────► dead
 *
 * Nothing is sent before TLS has verified the upstream. A response is told to the handler that asked for it and to nobody else; bytes
 * that come when none is asked for end the connection. Time limits have no timers of their own: `sweep` looks. Front thread only.
 */
import type { Socket } from 'node:net';
import { nowMs } from '#base/clock.ts';
import type { UpstreamHeaders } from './response-head.ts';
import { ResponseReader, type ResponseSink } from './response-reader.ts';
import { UpstreamError } from './upstream-error.ts';
import { readBuffer, type UpstreamOrigin } from './upstream-origin.ts';

/** Told what comes; never before `send` has returned, and nothing after `onEnd` or `onError` or `destroy`. */
export interface ResponseHandler {
  onResponseHead(status: number, headers: UpstreamHeaders): void;
  onResponseData(chunk: Buffer): void;
  onResponseEnd(): void;
  onResponseError(error: Error & { code?: string }): void;
  /** The time given to `breakOffAt` has come. */
  onBreakOff(): void;
}

export interface UpstreamRequest {
  /** latin1 */
  readonly head: string;
  readonly body: Uint8Array;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** What the connection tells of itself. */
export interface ConnectionEvents {
  onConnected(connection: UpstreamConnection): void;
  /** Told once, in whatever state. */
  onDead(connection: UpstreamConnection): void;
}

/**
 * Up to this, head and body leave as one string, which is copied as it is written: cheaper than a buffer of both, and than two buffers in
 * one call. The body's memory is free at once. Node copies a string up to this on its stack.
 */
const COPY_BYTES_MAX = 16 * 1024;
/** A kept connection that ends later than this after a request was sent had not been closed as it was used again. */
const STALE_MS = 1_000;
/** Keep-alive ends this much before the upstream says it does: a request under way must not meet its end. */
const KEEP_ALIVE_MARGIN_MS = 1_500;

export class UpstreamConnection implements ResponseSink {
  /** Place in the list of busy connections; the list's own. */
  place = -1;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #reader: ResponseReader = new ResponseReader(this);
  #ready = false;
  #dead = false;
  #handler: ResponseHandler | null = null;
  /** Waits for the connection. */
  #request: UpstreamRequest | null = null;
  #idleTimeoutMs = 0;
  #bodyCopied = false;
  /** It has served before; and something has come since the last request was sent. */
  #served = false;
  #answered = false;
  #sentAtMs = 0;
  #endedUnanswered = false;
  #reusable = true;
  /** The answer before has ended in this very turn, and what was read with it has not all been seen. */
  #settling = false;
  readonly #isTls: boolean;
  #error: (Error & { code?: string }) | null = null;
  /** The limit on the present state, counted from the first sweep that sees it. */
  #limitMs: number;
  #limitCode: 'UND_ERR_CONNECT_TIMEOUT' | 'UND_ERR_HEADERS_TIMEOUT' | 'UND_ERR_BODY_TIMEOUT' =
    'UND_ERR_CONNECT_TIMEOUT';
  #stirred = true;
  #deadlineMs = 0;
  #breakOffAtMs = Number.POSITIVE_INFINITY;
  #paused = false;

  constructor(origin: UpstreamOrigin, connectTimeoutMs: number, events: ConnectionEvents) {
    this.#events = events;
    this.#limitMs = connectTimeoutMs;
    this.#isTls = origin.isTls;
    this.#socket = origin.open((bytesRead) => this.#read(bytesRead));
    this.#socket.once(origin.isTls ? 'secureConnect' : 'connect', () => this.#connected());
    this.#socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#closed());
  }

  get dead(): boolean {
    return this.#dead;
  }

  /**
   * Whether the connection may serve another request. Not one that is still sending a large body; a small one is with the system at once,
   * though over TLS the socket says so only in a later turn, behind a quick answer.
   */
  get reusable(): boolean {
    return this.#ready && this.#reusable && !this.#dead && this.#handler === null && !this.holdsBody;
  }

  /** Whether the request's body may still be read from its own memory. */
  get holdsBody(): boolean {
    return this.#request !== null || (!this.#bodyCopied && this.#socket.writableLength > 0);
  }

  /**
   * A kept connection that the upstream closed as it was used again: at once, nothing of an answer came, no time limit of ours. That
   * says nothing of the upstream, but that the two of us disagree about how long connections are kept.
   */
  get endedUnanswered(): boolean {
    return this.#endedUnanswered;
  }

  /** How long the upstream keeps the connection idle, as far as it said so. */
  get keepAliveMs(): number {
    const seconds = this.#reader.head.keepAliveSeconds;
    return seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000 - KEEP_ALIVE_MARGIN_MS;
  }

  /** What the head of the answer says of its body's length; −1: nothing. */
  get contentLength(): number {
    return this.#reader.head.contentLength;
  }

  send(request: UpstreamRequest, handler: ResponseHandler): void {
    this.#handler = handler;
    this.#request = request;
    this.#bodyCopied = false;
    this.#answered = false;
    this.#sentAtMs = nowMs();
    this.#breakOffAtMs = Number.POSITIVE_INFINITY;
    if (this.#ready && !this.#settling) this.#write(request);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stirred = true;
    this.#socket.resume();
  }

  /** Asks for `onBreakOff` at that time, if the exchange is not over by then. */
  breakOffAt(timeMs: number): void {
    this.#breakOffAtMs = timeMs;
  }

  /** The exchange, if there is one, is asked to end now. */
  breakOff(): void {
    if (this.#handler === null) this.destroy();
    else this.#handler.onBreakOff();
  }

  /** Closes the connection; the handler is told nothing more. */
  destroy(): void {
    this.#handler = null;
    this.#request = null;
    this.#reader.stop();
    this.#die();
  }

  /** Called some times a second while connecting or serving: ends what has taken too long. */
  sweep(now: number): void {
    if (now >= this.#breakOffAtMs) return this.#handler?.onBreakOff();
    if (this.#stirred) {
      this.#stirred = false;
      this.#deadlineMs = now + this.#limitMs;
    } else if (now >= this.#deadlineMs && !this.#paused) {
      this.#fail(new UpstreamError(this.#limitCode, 'the upstream took too long'));
    }
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.#stirred = true;
    if (status < 200) return;
    this.#limitMs = this.#idleTimeoutMs;
    this.#limitCode = 'UND_ERR_BODY_TIMEOUT';
    this.#handler?.onResponseHead(status, headers);
  }

  onRun(bytes: Buffer, start: number, end: number): void {
    this.#stirred = true;
    if (this.#handler === null) return;
    const chunk = Buffer.allocUnsafe(end - start);
    bytes.copy(chunk, 0, start, end);
    this.#handler.onResponseData(chunk);
  }

  #connected(): void {
    this.#ready = true;
    this.#events.onConnected(this);
    if (this.#request !== null) this.#write(this.#request);
  }

  #write({ head, body, headersTimeoutMs, idleTimeoutMs }: UpstreamRequest): void {
    this.#request = null;
    this.#limitMs = headersTimeoutMs;
    this.#limitCode = 'UND_ERR_HEADERS_TIMEOUT';
    this.#stirred = true;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#reader.expect();
    if (body.length <= COPY_BYTES_MAX) {
      this.#bodyCopied = true;
      this.#socket.write(head + Buffer.prototype.latin1Slice.call(body, 0, body.length), 'latin1');
    } else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    }
  }

  #read(bytesRead: number): boolean {
    if (this.#reader.idle) {
      this.#lost(new UpstreamError('UND_ERR_SOCKET', 'the upstream sent what nobody had asked for'));
      return false;
    }
    this.#answered = true;
    const at = this.#reader.read(readBuffer, bytesRead);
    if (at < 0) this.#fail(new UpstreamError('HPE_INVALID', `malformed response: ${this.#reader.fault}`));
    // A read that filled the buffer goes on at once: what comes must not meet the request that is sent next.
    else if (this.#reader.idle && this.#handler !== null)
      this.#finish(at < bytesRead || bytesRead === readBuffer.length);
    return true;
  }

  #finish(hasMore: boolean): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#served = true;
    if (hasMore || this.#reader.head.closes) {
      this.#reusable = false;
      this.#die();
    } else {
      this.resume();
      if (this.#isTls) this.#settle();
    }
    handler?.onResponseEnd();
  }

  /**
   * One read of TLS may hold several records, which come one after another: what lies behind an answer must find no request sent, or
   * it would pass for the answer to it.
   */
  #settle(): void {
    this.#settling = true;
    setImmediate(() => {
      this.#settling = false;
      if (this.#request !== null) this.#write(this.#request);
    });
  }

  #ended(): void {
    if (this.#reader.endsWithConnection && this.#handler !== null) {
      this.#reader.stop();
      this.#reusable = false;
      this.#finish(true);
    } else {
      this.#lost(this.#error ?? new UpstreamError('UND_ERR_SOCKET', 'the upstream closed the connection'));
    }
  }

  #closed(): void {
    this.#lost(this.#error ?? new UpstreamError('UND_ERR_SOCKET', 'the connection was closed'));
  }

  #lost(error: Error & { code?: string }): void {
    const atOnce = nowMs() - this.#sentAtMs < STALE_MS;
    this.#endedUnanswered = atOnce && this.#served && !this.#answered && this.#handler !== null;
    this.#fail(error);
  }

  #fail(error: Error & { code?: string }): void {
    const handler = this.#handler;
    this.destroy();
    handler?.onResponseError(error);
  }

  #die(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#socket.destroy();
    this.#events.onDead(this);
  }
}
