/**
 * One upstream try of one turn: what `Attempt` is for HTTP, over a WebSocket that outlives it. It gives its account's place back exactly
 * once, when the upstream has ended this answer: with the last event of a response, or with an error.
 *
 *   started ──first event──► answering ──event that ends the response──► over
 *      └── refused, lost, cancelled: the connection ends with it ──────────▲
 *
 * An error that comes first and names a status is an answer of that status. The events that tell the account's own quota go no further.
 * Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import { endsResponse, eventType, readSocketError } from '#wire/socket-events.ts';
import type { AttemptOwner, BodyReader, UpstreamAttempt } from './attempt.ts';
import type { UpstreamHeaders } from './response-head.ts';
import type { TurnHandler, UpstreamChannel } from './upstream-channel.ts';
import { UpstreamError } from './upstream-error.ts';
import { concernsAccount } from './verdict.ts';

const QUOTA_TYPE = 'codex.rate_limits';

export class TurnAttempt implements UpstreamAttempt, TurnHandler {
  readonly startedAtMs = nowMs();
  readonly endedUnanswered = false;
  readonly budgetedBytes = 0;
  readonly contentLength = -1;
  readonly #channel: UpstreamChannel;
  readonly #counters: CounterRow;
  readonly #onOver: () => void;
  #owner: AttemptOwner | null;
  #answering = false;
  /** The error that came in place of an answer. */
  #refusal: Buffer | null = null;
  /** Nothing of this answer comes any more: the connection can serve the next turn. */
  #whole = false;
  #over = false;

  /** `onOver` is called once, when the upstream has ended: it returns the account's place. */
  constructor(channel: UpstreamChannel, counters: CounterRow, owner: AttemptOwner, onOver: () => void) {
    this.#channel = channel;
    this.#counters = counters;
    this.#owner = owner;
    this.#onOver = onOver;
  }

  get over(): boolean {
    return this.#over;
  }

  get holdsBody(): boolean {
    return !this.#over && this.#channel.holdsBody;
  }

  start(request: Uint8Array): void {
    this.#counters.add(C.upstreamAttempts);
    this.#channel.send(Buffer.from(request.buffer, request.byteOffset, request.byteLength), this);
  }

  pause(): void {
    if (!this.#over) this.#channel.pause();
  }

  resume(): void {
    if (!this.#over) this.#channel.resume();
  }

  /** The exchange no longer cares. A response that goes on can only be ended with its connection. */
  detach(_bytesMax: number, _msMax: number, onBody: BodyReader | null = null): void {
    if (this.#refusal !== null) onBody?.(this.#refusal);
    if (this.#whole) this.#finish();
    else this.cancel();
  }

  cancel(): void {
    if (this.#over) return;
    this.#channel.destroy();
    this.#finish();
  }

  onMessage(message: Buffer): void {
    this.#counters.add(C.upstreamBytes, message.length);
    const type = eventType(message);
    if (type === QUOTA_TYPE) return;
    this.#whole = endsResponse(type);
    if (!this.#answering) this.#begin(type === 'error' ? message : null);
    if (!this.#over) this.#owner!.onData(this, message);
    if (this.#over || !this.#whole) return;
    const owner = this.#owner;
    this.#finish();
    owner?.onEnd(this);
  }

  /** What says nothing of the account says that it has no WebSocket here. */
  onRefused(status: number, headers: UpstreamHeaders): void {
    if (!concernsAccount(status)) return this.onLost(new UpstreamError('UPGRADE_REFUSED', `status ${status}`));
    this.#owner?.onHead(this, status, headers);
    const owner = this.#owner;
    this.cancel();
    owner?.onEnd(this);
  }

  onLost(error: Error & { code?: string }): void {
    const owner = this.#owner;
    this.#finish();
    owner?.onError(this, error);
  }

  #begin(error: Buffer | null): void {
    this.#answering = true;
    const said = error === null ? null : readSocketError(error);
    this.#refusal = error;
    this.#owner?.onHead(this, said?.status ?? 200, said?.headers ?? this.#channel.headers);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner = null;
    this.#channel.release();
    this.#onOver();
  }
}
