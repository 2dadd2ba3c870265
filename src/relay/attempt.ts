/**
 * One upstream try of one exchange, with its own account place and connection. It gives both back exactly once, when the upstream has
 * really ended, also after its exchange has turned to another account or its client has left.
 *
 *   started ──head──► answering ──end──► over
 *      │                   │ error/cancel ▲
 *      └───────────────────┴──────────────┘
 *
 * Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import { JUDGED_BYTES_MAX } from './error-body.ts';
import type { OriginPool } from './origin-pool.ts';
import { renderRequestHead, type UpstreamMethod } from './request-head.ts';
import type { UpstreamHeaders } from './response-head.ts';
import type { ResponseHandler, UpstreamConnection } from './upstream-connection.ts';
import type { UpstreamError } from './upstream-error.ts';

export type { UpstreamHeaders } from './response-head.ts';

/** An upstream try, over HTTP or over a WebSocket (`turn-attempt.ts`). */
export interface UpstreamAttempt {
  readonly startedAtMs: number;
  readonly over: boolean;
  readonly holdsBody: boolean;
  readonly endedUnanswered: boolean;
  pause(): void;
  resume(): void;
  detach(bytesMax: number, msMax: number, onBody?: BodyReader | null): void;
  cancel(): void;
}

/** What the exchange learns of its attempt. After `detach` nothing more is told. */
export interface AttemptOwner {
  onHead(attempt: UpstreamAttempt, status: number, headers: UpstreamHeaders): void;
  onData(attempt: UpstreamAttempt, chunk: Uint8Array): void;
  onEnd(attempt: UpstreamAttempt): void;
  onError(attempt: UpstreamAttempt, error: Error & { code?: string }): void;
}

/** Is told the body of an answer that nobody else cares for. */
export type BodyReader = (body: Uint8Array) => void;

export interface AttemptRequest {
  readonly method: UpstreamMethod;
  readonly path: string;
  /** Name, value, …: the account's own, one list for all its requests. */
  readonly fixedHeaders: readonly string[];
  /** Name, value, …: this request's own. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export class Attempt implements UpstreamAttempt, ResponseHandler {
  readonly startedAtMs = nowMs();
  readonly #pool: OriginPool;
  readonly #connection: UpstreamConnection;
  readonly #counters: CounterRow;
  readonly #onOver: () => void;
  #owner: AttemptOwner | null;
  #drainBytes = 0;
  /** What to do with the rest of the body, when it has ended and is short enough. */
  #onBody: BodyReader | null = null;
  #body: Uint8Array[] = [];
  #bodyBytes = 0;
  #over = false;
  /** The body's memory was still needed when the attempt ended. */
  #leftSending = false;

  /** `onOver` is called once, when the upstream has ended: it returns the account's place. */
  constructor(
    pool: OriginPool,
    connection: UpstreamConnection,
    counters: CounterRow,
    owner: AttemptOwner,
    onOver: () => void,
  ) {
    this.#pool = pool;
    this.#connection = connection;
    this.#counters = counters;
    this.#owner = owner;
    this.#onOver = onOver;
  }

  get over(): boolean {
    return this.#over;
  }

  /**
   * Whether the request's body may still be read from its memory. A small one is copied as it is sent; of others the socket's length
   * falls to 0 only when the operating system has taken (plain), or the cipher has copied (TLS), the last byte. A connection that
   * was still sending when its attempt ended serves no other.
   */
  get holdsBody(): boolean {
    return (!this.#over || this.#leftSending) && this.#connection.holdsBody;
  }

  /** The upstream closed a kept connection as it was used again. */
  get endedUnanswered(): boolean {
    return this.#connection.endedUnanswered;
  }

  start({ method, path, fixedHeaders, headers, body, headersTimeoutMs, idleTimeoutMs }: AttemptRequest): void {
    this.#counters.add(C.upstreamAttempts);
    const host = this.#pool.origin.hostHeader;
    try {
      const head = renderRequestHead({ method, path, host, fixedHeaders, headers, bodyBytes: body.length });
      this.#connection.send({ head, body, headersTimeoutMs, idleTimeoutMs }, this);
    } catch (error) {
      this.onResponseError(error as UpstreamError);
    }
  }

  pause(): void {
    if (!this.#over) this.#connection.pause();
  }

  resume(): void {
    if (!this.#over) this.#connection.resume();
  }

  /**
   * The exchange no longer cares. The rest is read, at most `bytesMax` of it for at most `msMax`, so that the connection can be
   * kept; beyond that the attempt is broken off, because it holds an account's place and, at the end, the thread. `onBody` is told
   * what was read, when it has ended and is no longer than `JUDGED_BYTES_MAX`.
   */
  detach(bytesMax: number, msMax: number, onBody: BodyReader | null = null): void {
    this.#owner = null;
    if (this.#over) return;
    this.#onBody = onBody;
    this.#drainBytes = bytesMax;
    this.#connection.breakOffAt(nowMs() + msMax);
    this.resume();
  }

  /** Breaks the attempt off: the connection is closed. The owner is told nothing. */
  cancel(): void {
    this.#owner = null;
    if (this.#over) return;
    this.#leftSending = this.#connection.holdsBody;
    this.#connection.destroy();
    this.#finish();
  }

  onBreakOff(): void {
    this.cancel();
  }

  onResponseHead(status: number, headers: UpstreamHeaders): void {
    this.#owner?.onHead(this, status, headers);
  }

  onResponseData(chunk: Uint8Array): void {
    this.#counters.add(C.upstreamBytes, chunk.length);
    if (this.#owner !== null) return this.#owner.onData(this, chunk);
    this.#drainBytes -= chunk.length;
    if (this.#drainBytes < 0) return this.cancel();
    if (this.#onBody !== null) this.#keepBody(chunk);
  }

  /** The chunk is the connection's: it is copied. */
  #keepBody(chunk: Uint8Array): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes <= JUDGED_BYTES_MAX) this.#body.push(Buffer.from(chunk));
    else this.#dropBody();
  }

  #dropBody(): void {
    this.#onBody = null;
    this.#body = [];
  }

  onResponseEnd(): void {
    const owner = this.#owner;
    this.#onBody?.(Buffer.concat(this.#body));
    this.#finish();
    owner?.onEnd(this);
  }

  onResponseError(error: Error & { code?: string }): void {
    const owner = this.#owner;
    this.#finish();
    owner?.onError(this, error);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner = null;
    this.#dropBody();
    this.#leftSending ||= this.#connection.holdsBody;
    // An upstream that answered before it had taken the body may never take it: the pool closes what is still sending.
    this.#pool.give(this.#connection, nowMs());
    this.#onOver();
  }
}
