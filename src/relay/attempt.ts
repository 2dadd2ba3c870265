/**
 * One upstream try of one exchange: undici's handler object for it, with its own account place and connection. It gives both back
 * exactly once, when the upstream has really ended, also after its exchange has turned to another account or its client has left.
 *
 *   dispatched ──head──► answering ──end──► over
 *        │                   │ error/cancel ▲
 *        └───────────────────┴──────────────┘
 *
 * Front thread only.
 */
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import type { Connection, OriginPool } from './origin-pool.ts';

type Controller = Dispatcher.DispatchController;
export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What the exchange learns of its attempt. After `detach` nothing more is told. */
export interface AttemptOwner {
  onHead(attempt: Attempt, status: number, headers: UpstreamHeaders): void;
  onData(attempt: Attempt, chunk: Uint8Array): void;
  onEnd(attempt: Attempt): void;
  onError(attempt: Attempt, error: Error & { code?: string }): void;
}

export interface AttemptRequest {
  readonly path: string;
  readonly headers: string[];
  readonly body: Uint8Array;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export class Attempt {
  readonly startedAtMs = nowMs();
  readonly #pool: OriginPool;
  readonly #connection: Connection;
  readonly #counters: CounterRow;
  readonly #onOver: () => void;
  #owner: AttemptOwner | null;
  #controller: Controller | null = null;
  /** The socket that the request was written to. */
  #socket: Socket | null = null;
  #drainBytes = 0;
  #deadline: NodeJS.Timeout | undefined;
  #over = false;

  /** `onOver` is called once, when the upstream has ended: it returns the account's place. */
  constructor(pool: OriginPool, connection: Connection, counters: CounterRow, owner: AttemptOwner, onOver: () => void) {
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
   * Whether the request's body may still be read from its memory. undici writes head and body to the socket in one turn, right
   * after it has announced the start; the socket's length falls to 0 only when the operating system has taken (plain), or the
   * cipher has copied (TLS), the last byte. Requests behind this one on the same socket can only make the answer too careful.
   */
  get holdsBody(): boolean {
    if (this.#socket === null) return !this.#over;
    return this.#socket.writableLength > 0;
  }

  start(request: AttemptRequest): void {
    this.#counters.add(C.upstreamAttempts);
    this.#connection.client.dispatch(
      {
        path: request.path,
        method: 'POST',
        headers: request.headers,
        body: request.body,
        headersTimeout: request.headersTimeoutMs,
        bodyTimeout: request.idleTimeoutMs,
      },
      this,
    );
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /**
   * The exchange no longer cares. The rest is read, at most `bytesMax` of it for at most `msMax`, so that the connection can be
   * kept; beyond that the attempt is broken off, because it holds an account's place and, at the end, the thread.
   */
  detach(bytesMax: number, msMax: number): void {
    this.#owner = null;
    this.#drainBytes = bytesMax;
    this.#deadline = setTimeout(() => this.cancel(), msMax);
    this.resume();
  }

  /** Breaks the attempt off: the connection is closed. The owner is told nothing. */
  cancel(): void {
    this.#owner = null;
    if (this.#over) return;
    const reason = new Error('the attempt was cancelled');
    if (this.#controller !== null) this.#controller.abort(reason);
    else void this.#connection.client.destroy(reason);
    this.#finish();
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    this.#socket = this.#connection.socket;
  }

  onResponseStart(_controller: Controller, status: number, headers: UpstreamHeaders): void {
    if (status >= 200) this.#owner?.onHead(this, status, headers);
  }

  onResponseData(_controller: Controller, chunk: Uint8Array): void {
    this.#counters.add(C.upstreamBytes, chunk.length);
    if (this.#owner !== null) return this.#owner.onData(this, chunk);
    this.#drainBytes -= chunk.length;
    if (this.#drainBytes < 0) this.cancel();
  }

  onResponseEnd(): void {
    const owner = this.#owner;
    this.#finish();
    owner?.onEnd(this);
  }

  onResponseError(_controller: Controller, error: Error & { code?: string }): void {
    const owner = this.#owner;
    this.#finish();
    owner?.onError(this, error);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner = null;
    if (this.#deadline !== undefined) clearTimeout(this.#deadline);
    // An upstream that answered before it had taken the body may never take it: whoever came next would wait behind it.
    if (this.holdsBody) void this.#connection.client.destroy();
    this.#pool.give(this.#connection, nowMs());
    this.#onOver();
  }
}
