/**
 * A WebSocket of our own to one account, with at most one turn under way on it. A chain of responses that the upstream does not store
 * lives on this connection alone, so it belongs to one WebSocket of a client and ends with it.
 *
 *   connecting ──101──► open ──send──► turn ──release──► open          retire: closes once no turn is under way
 *       │                │              │
 *       └── refused, error, deadline, a message nobody asked for, a frame that is no text ──► dead
 *
 * TLS is always verified. No compression, no redirects; a message is bounded, and a connection that is paused reads no further than
 * what its socket had already handed over (64 KiB and the message in it). Time limits have no timers of their own: `sweep` looks. Only
 * owner of `ws`. Front thread only.
 */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { nowMs } from '#base/clock.ts';
import type { UpstreamHeaders } from './response-head.ts';
import { forwardedQuery, type Target } from './target.ts';
import { UpstreamError } from './upstream-error.ts';

/** Going on from here is the owner's affair; nothing is told after `onLost` or `onRefused`. */
export interface TurnHandler {
  onMessage(message: Buffer): void;
  /** The upstream did not take the WebSocket. */
  onRefused(status: number, headers: UpstreamHeaders): void;
  onLost(error: Error & { code?: string }): void;
}

export interface ChannelLimits {
  readonly connectTimeoutMs: number;
  /** From a request to the first message of its answer, and between messages. */
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly messageBytesMax: number;
}

/** What of the client's handshake travels on. */
export interface ClientHandshake {
  /** Name, value, … */
  readonly forwarded: readonly string[];
  readonly query: string;
}

const PATH = '/responses';
/** How long an upstream may take to answer a close before its socket is destroyed. */
const CLOSING = { closeTimeout: 1_000 };

export class UpstreamChannel {
  readonly accountId: number;
  /** Of the 101, lower-case names; empty before. */
  headers: UpstreamHeaders = {};
  readonly #mark: string;
  readonly #limits: ChannelLimits;
  readonly #onIdleEnd: () => void;
  readonly #socket: WebSocket | null;
  #handler: TurnHandler | null = null;
  /** Waits for the connection. */
  #request: Buffer | null = null;
  #dead = false;
  #retired = false;
  #answered = false;
  #paused = false;
  #stirredAtMs = nowMs();
  /** Why it could not even be begun. */
  #fault: Error | null = null;

  /** `onIdleEnd`: it has ended while no turn was under way. */
  constructor(
    accountId: number,
    target: Target,
    handshake: ClientHandshake,
    limits: ChannelLimits,
    onIdleEnd: () => void,
  ) {
    this.accountId = accountId;
    this.#mark = markOf(target);
    this.#limits = limits;
    this.#onIdleEnd = onIdleEnd;
    this.#socket = this.#open(target, handshake);
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Whether the account is still reached the same way. */
  leadsTo(accountId: number, target: Target): boolean {
    return !this.#dead && this.accountId === accountId && this.#mark === markOf(target);
  }

  /** Whether the request's bytes have not all left: masking copies them, and the copy counts as the body until it has. */
  get holdsBody(): boolean {
    if (this.#request !== null) return true;
    return !this.#dead && this.#socket !== null && this.#socket.bufferedAmount > 0;
  }

  send(request: Buffer, handler: TurnHandler): void {
    this.#handler = handler;
    this.#answered = false;
    this.#stirredAtMs = nowMs();
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(request, { binary: false });
    else this.#request = request;
    if (this.#fault !== null) setImmediate(() => this.#lost(this.#fault!));
  }

  /** The turn is over. */
  release(): void {
    this.#handler = null;
    this.#request = null;
    this.resume();
    if (this.#retired) this.#close();
  }

  /** Nobody will send here again: closes now, or when the turn that is under way is over. */
  retire(): void {
    this.#retired = true;
    if (this.#handler === null) this.#close();
  }

  /** Ends the connection; nobody is told anything more. */
  destroy(): void {
    this.#handler = null;
    this.#request = null;
    this.#dead = true;
    this.#socket?.terminate();
  }

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stirredAtMs = nowMs();
    this.#socket?.resume();
  }

  /** Called some times a second. */
  sweep(now: number): void {
    if (this.#handler === null || this.#paused || this.#dead) return;
    const waited = now - this.#stirredAtMs;
    const { connectTimeoutMs, headersTimeoutMs, idleTimeoutMs } = this.#limits;
    if (this.#request !== null) {
      if (waited > connectTimeoutMs) this.#fail('UND_ERR_CONNECT_TIMEOUT', 'the upstream took too long');
    } else if (!this.#answered) {
      if (waited > headersTimeoutMs) this.#fail('UND_ERR_HEADERS_TIMEOUT', 'the upstream took too long');
    } else if (waited > idleTimeoutMs) this.#fail('UND_ERR_BODY_TIMEOUT', 'the upstream went silent');
  }

  #open(target: Target, { forwarded, query }: ClientHandshake): WebSocket | null {
    const url = target.origin.replace(/^http/, 'ws') + target.base + PATH + forwardedQuery(query);
    try {
      const socket = new WebSocket(url, {
        headers: headersOf([...forwarded, ...target.headers]),
        perMessageDeflate: false,
        followRedirects: false,
        maxPayload: this.#limits.messageBytesMax,
        rejectUnauthorized: true,
        ...CLOSING,
        ...(target.ca === null ? {} : { ca: target.ca }),
      });
      this.#listen(socket);
      return socket;
    } catch (error) {
      this.#fault = error as Error;
      return null;
    }
  }

  #listen(socket: WebSocket): void {
    socket.on('upgrade', ({ headers }: IncomingMessage) => {
      this.headers = headers as UpstreamHeaders;
    });
    socket.on('open', () => this.#opened(socket));
    socket.on('unexpected-response', (_request, response) => this.#refused(response));
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#received(data, isBinary));
    socket.on('error', (error) => this.#lost(error));
    socket.on('close', () => this.#fail('UND_ERR_SOCKET', 'the upstream closed the WebSocket'));
  }

  #opened(socket: WebSocket): void {
    this.#stirredAtMs = nowMs();
    if (this.#paused) socket.pause();
    if (this.#request !== null) socket.send(this.#request, { binary: false });
    this.#request = null;
  }

  #refused(response: IncomingMessage): void {
    const handler = this.#handler;
    this.destroy();
    handler?.onRefused(response.statusCode ?? 0, response.headers as UpstreamHeaders);
  }

  #received(message: Buffer, isBinary: boolean): void {
    if (this.#dead) return;
    if (isBinary) return this.#fail('HPE_INVALID', 'the upstream sent a binary message');
    this.#stirredAtMs = nowMs();
    this.#answered = true;
    if (this.#handler !== null) this.#handler.onMessage(message);
    // It could be taken for part of the next answer.
    else this.#fail('UND_ERR_SOCKET', 'the upstream sent what nobody had asked for');
  }

  #fail(code: UpstreamError['code'], message: string): void {
    this.#lost(new UpstreamError(code, message));
  }

  #lost(error: Error & { code?: string }): void {
    if (this.#dead) return;
    const handler = this.#handler;
    this.destroy();
    if (handler !== null) handler.onLost(error);
    else this.#onIdleEnd();
  }

  #close(): void {
    if (this.#dead) return;
    if (this.#socket?.readyState !== WebSocket.OPEN) return this.destroy();
    this.#dead = true;
    this.#socket.close(1000);
  }
}

function markOf({ poolKey, base, headers }: Target): string {
  return [poolKey, base, ...headers].join('\n');
}

/** The later of two with one name wins: the account's own. */
function headersOf(pairs: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) headers[pairs[i]!] = pairs[i + 1]!;
  return headers;
}
