/**
 * One upstream try of one exchange, with its own account place and connection. It gives both back exactly once, when the upstream has
 * really ended, also after its exchange has turned to another account or its client has left.
 *
 *   started ──head──► answering ──end──► over
 *      │                   │ error/cancel ▲
 *      └───────────────────┴──────────────┘
 *
 * An answer that came compressed is decoded on its way to the owner (`answer-inflation.ts`), which then sees its end after the upstream's.
 *
 * Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { type Coding, readCoding } from '#base/codings.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import { type AnswerBudget, AnswerInflation, type AnswerInflationOwner } from './answer-inflation.ts';
import { JUDGED_BYTES_MAX } from './error-body.ts';
import { ErrorBodyDecoding } from './error-body-decoding.ts';
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
  /** What decoding its answer has of the budget for answers. */
  readonly budgetedBytes: number;
  /** Of the answer's body as its owner gets it; −1: nobody has said so. */
  readonly contentLength: number;
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

/** What all attempts of a front work with. */
export interface AttemptShared {
  readonly counters: CounterRow;
  /** Gives back the place of an account's row; called once an attempt, when the upstream has ended. */
  readonly places: { release(row: number): void };
  /** What decoding an answer takes its memory from. */
  readonly budget: AnswerBudget;
}

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

export class Attempt implements UpstreamAttempt, ResponseHandler, AnswerInflationOwner {
  readonly startedAtMs = nowMs();
  readonly #shared: AttemptShared;
  readonly #pool: OriginPool;
  readonly #connection: UpstreamConnection;
  readonly #row: number;
  #owner: AttemptOwner | null;
  /** Null: the answer came plain. */
  #coding: Coding | null = null;
  #inflation: AnswerInflation | null = null;
  #paused = false;
  #drainBytes = 0;
  /** What to do with the rest of the body, when it has ended and is short enough. */
  #onBody: BodyReader | null = null;
  #body: Uint8Array[] | null = null;
  #bodyBytes = 0;
  /** Of such a body, once it has come whole. */
  #decoding: ErrorBodyDecoding | null = null;
  #over = false;
  /** The body's memory was still needed when the attempt ended. */
  #leftSending = false;

  /** `row`: the account's, whose place is held. */
  constructor(
    shared: AttemptShared,
    pool: OriginPool,
    connection: UpstreamConnection,
    owner: AttemptOwner,
    row: number,
  ) {
    this.#shared = shared;
    this.#pool = pool;
    this.#connection = connection;
    this.#owner = owner;
    this.#row = row;
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
    this.#shared.counters.add(C.upstreamAttempts);
    const host = this.#pool.origin.hostHeader;
    try {
      const head = renderRequestHead({ method, path, host, fixedHeaders, headers, bodyBytes: body.length });
      this.#connection.send({ head, body, headersTimeoutMs, idleTimeoutMs }, this);
    } catch (error) {
      this.onResponseError(error as UpstreamError);
    }
  }

  /** What decoding has of the budget. */
  get budgetedBytes(): number {
    return this.#inflation?.budgetedBytes ?? this.#decoding?.budgetedBytes ?? 0;
  }

  get contentLength(): number {
    return this.#coding === null ? this.#connection.contentLength : -1;
  }

  pause(): void {
    this.#paused = true;
    this.#inflation?.pause();
    if (!this.#over) this.#connection.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#inflation?.resume();
    if (!this.#over && this.#inflation?.behind !== true) this.#connection.resume();
  }

  /**
   * The exchange no longer cares. The rest is read, at most `bytesMax` of it for at most `msMax`, so that the connection can be
   * kept; beyond that the attempt is broken off, because it holds an account's place and, at the end, the thread. `onBody` is told
   * what was read, decoded, when it has ended and is no longer than `JUDGED_BYTES_MAX`; before the account's place is given back.
   */
  detach(bytesMax: number, msMax: number, onBody: BodyReader | null = null): void {
    this.#leaveOwner();
    if (this.#over) return;
    this.#onBody = onBody;
    this.#drainBytes = bytesMax;
    this.#connection.breakOffAt(nowMs() + msMax);
    this.resume();
  }

  /** Breaks the attempt off: the connection is closed. The owner is told nothing. */
  cancel(): void {
    this.#leaveOwner();
    if (this.#over) return;
    this.#leftSending = this.#connection.holdsBody;
    this.#connection.destroy();
    this.#finish();
  }

  onBreakOff(): void {
    this.cancel();
  }

  onResponseHead(status: number, headers: UpstreamHeaders): void {
    if (this.#owner === null) return;
    const named = headers['content-encoding'];
    const coding = typeof named === 'string' ? readCoding(named) : null;
    if (coding === null || coding === 'identity') return this.#owner.onHead(this, status, headers);
    this.#coding = coding;
    this.#inflation = new AnswerInflation(coding, this.#shared.budget, this);
    this.#owner.onHead(this, status, { ...headers, 'content-encoding': undefined });
  }

  onResponseData(chunk: Uint8Array): void {
    this.#shared.counters.add(C.upstreamBytes, chunk.length);
    if (this.#inflation !== null) return this.#inflation.push(chunk);
    if (this.#owner !== null) return this.#owner.onData(this, chunk);
    this.#drainBytes -= chunk.length;
    if (this.#drainBytes < 0) return this.cancel();
    if (this.#onBody !== null) this.#keepBody(chunk);
  }

  /** The chunk is the connection's: it is copied. */
  #keepBody(chunk: Uint8Array): void {
    this.#bodyBytes += chunk.length;
    this.#body ??= [];
    if (this.#bodyBytes <= JUDGED_BYTES_MAX) this.#body.push(Buffer.from(chunk));
    else this.#dropBody();
  }

  #dropBody(): void {
    this.#onBody = null;
    this.#body = null;
  }

  onResponseEnd(): void {
    const onBody = this.#onBody;
    if (onBody !== null && this.#coding !== null && this.#bodyBytes > 0) return this.#decode(this.#coding, onBody);
    onBody?.(Buffer.concat(this.#body ?? []));
    this.#finish();
    if (this.#inflation !== null) this.#inflation.end();
    else this.#takeOwner()?.onEnd(this);
  }

  /** The attempt lasts until then: who is told counts on the account's place. */
  #decode(coding: Coding, onBody: BodyReader): void {
    this.#decoding = new ErrorBodyDecoding(coding, this.#shared.budget, (body) => {
      if (body !== null) onBody(body);
      this.#finish();
    });
    this.#decoding.start(Buffer.concat(this.#body ?? []));
  }

  onResponseError(error: Error & { code?: string }): void {
    this.#finish();
    if (this.#inflation !== null) this.#inflation.fail(error);
    else this.#takeOwner()?.onError(this, error);
  }

  onInflatedAnswer(chunk: Uint8Array): void {
    this.#owner?.onData(this, chunk);
  }

  onInflatedAnswerEnd(): void {
    this.#takeOwner()?.onEnd(this);
  }

  onInflatedAnswerError(error: Error & { code?: string }): void {
    this.#takeOwner()?.onError(this, error);
  }

  onInflatedAnswerFault(error: UpstreamError): void {
    const owner = this.#takeOwner();
    this.cancel();
    owner?.onError(this, error);
  }

  onInflationBehind(): void {
    if (!this.#over) this.#connection.pause();
  }

  onInflationCaughtUp(): void {
    if (!this.#over && !this.#paused) this.#connection.resume();
  }

  /** Nothing more is told. */
  #takeOwner(): AttemptOwner | null {
    const owner = this.#owner;
    this.#leaveOwner();
    return owner;
  }

  #leaveOwner(): void {
    this.#owner = null;
    this.#inflation?.drop();
    this.#inflation = null;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#dropBody();
    this.#decoding?.drop();
    this.#decoding = null;
    this.#leftSending ||= this.#connection.holdsBody;
    // An upstream that answered before it had taken the body may never take it: the pool closes what is still sending.
    this.#pool.give(this.#connection, nowMs());
    this.#shared.places.release(this.#row);
  }
}
