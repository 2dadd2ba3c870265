/**
 * The answer to one turn of a WebSocket: what `Reply` is for HTTP. Each chunk is one message; what came in one turn of the event loop
 * leaves together. The end of the answer is the end of the turn, not of the connection.
 *
 *   idle ──push──► pending ──flush──► sent ──finish──► over (the next turn may come)
 *   any state ──client left / abandon──► over (the connection has ended)
 *
 * Front thread only. Never changes a byte.
 */
import type { ClientSide, Keeping, ReplyOwner } from './client-side.ts';
import type { Flushable, FlushQueue } from './flush-queue.ts';

/** Like HTTP's: one turn of the loop can bring 2 MB, and backpressure must not be noticed too late. */
const FLUSH_BYTES = 64 * 1024;

/** What the turn's connection does for it. */
export interface TurnChannel {
  write(messages: readonly Uint8Array[]): void;
  turnEnded(turn: TurnReply): void;
  breakOff(): void;
}

export class TurnReply implements ClientSide, Flushable {
  keeping: Keeping = 'keep';
  begun = false;
  extraHeaders: readonly string[] = [];
  readonly owner: ReplyOwner;
  readonly #channel: TurnChannel;
  readonly #flushQueue: FlushQueue;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #headSent = false;
  #over = false;
  #queued = false;
  #ending = false;

  constructor(channel: TurnChannel, flushQueue: FlushQueue, owner: ReplyOwner) {
    this.#channel = channel;
    this.#flushQueue = flushQueue;
    this.owner = owner;
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  get over(): boolean {
    return this.#over;
  }

  /** The message has come whole, and while the turn lasts another one is only refused. */
  pauseRequest(): void {}

  resumeRequest(): void {}

  begin(): void {}

  push(message: Uint8Array): void {
    if (this.#over) return;
    this.#pending.push(message);
    this.#pendingBytes += message.length;
    if (this.#pendingBytes >= FLUSH_BYTES) return this.flush();
    if (this.#queued) return;
    this.#queued = true;
    this.#flushQueue.add(this);
  }

  forget(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  flush(): void {
    this.#queued = false;
    if (this.#over || this.#pending.length === 0) return;
    if (!this.begun && !this.#ending && !this.owner.onHeadReady(this.#pendingBytes)) return;
    const messages = this.#pending;
    const begins = !this.begun;
    this.forget();
    this.#headSent = this.begun = true;
    this.#channel.write(messages);
    if (begins && !this.#ending && !this.#over) this.owner.onBegun();
  }

  finish(last: Uint8Array | null = null): void {
    if (this.#over) return;
    this.#ending = true;
    if (last !== null) this.push(last);
    this.flush();
    // A write may have found a reader that is too slow.
    if (this.#over) return;
    this.#over = true;
    this.#channel.turnEnded(this);
  }

  send(_status: string, _headers: readonly string[], message: Uint8Array): void {
    if (this.#over) return;
    this.forget();
    this.push(message);
    this.finish();
  }

  abandon(): void {
    if (this.#over) return;
    this.#ending = true;
    this.flush();
    if (this.#over) return;
    this.#over = true;
    this.#channel.breakOff();
  }

  /** The connection has ended. */
  gone(): void {
    if (this.#over) return;
    this.#over = true;
    this.forget();
    this.owner.onClientGone();
  }
}
