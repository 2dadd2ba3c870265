/**
 * The writing half of a client's WebSocket. Messages that come in one turn of the event loop leave in one cork. When the socket takes no
 * more, nothing is written until it has drained, the owner pauses what makes the messages, and what waits here and in the server draws on
 * the budget for slow readers, within `highWaterBytes`; a reader that leaves more lying, or takes nothing for too long, is cut off.
 *
 *   open ──send says "backpressure"──► blocked ──drained──► open          either ──cutOff──► closed
 *    └──end──► closed                     └──end──► ending ──drained, nothing waits──► closed
 *
 * The server frames messages itself and keeps what the socket does not take: unlike those of an HTTP answer its writes may be of any
 * length. Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { C } from '#meter/counters.ts';
import type { ReplyShared } from './client-side.ts';
import { type Blocked, budgetFor } from './client-side.ts';
import type { WebSocket } from './uws.ts';

/** Of the methods of the server's socket. */
export type ClientSocket = Pick<
  WebSocket<unknown>,
  'send' | 'cork' | 'end' | 'close' | 'ping' | 'getBufferedAmount' | 'getRemoteAddressAsText'
>;

export interface WriterOwner {
  onBlocked(): void;
  onDrained(): void;
}

export class ChannelWriter implements Blocked {
  readonly #socket: ClientSocket;
  readonly #shared: ReplyShared;
  readonly #owner: WriterOwner;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #blocked = false;
  #blockedAtMs = 0;
  #budgeted = 0;
  /** How it closes once its reader has taken everything. */
  #ending: { readonly code: number; readonly reason: string } | null = null;
  #closed = false;

  constructor(socket: ClientSocket, shared: ReplyShared, owner: WriterOwner) {
    this.#socket = socket;
    this.#shared = shared;
    this.#owner = owner;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** Its end has been said and waits for the reader. */
  get ending(): boolean {
    return this.#ending !== null && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get budgetedBytes(): number {
    return this.#budgeted;
  }

  /** Writes whole messages, each a text. */
  write(messages: readonly Uint8Array[]): void {
    if (this.#closed || this.#ending !== null) return;
    for (const message of messages) {
      this.#waiting.push(message);
      this.#waitingBytes += message.length;
    }
    this.#flush();
  }

  /** The server: some of what it kept has left. */
  drained(): void {
    if (this.#closed || !this.#blocked) return;
    this.#blockedAtMs = nowMs();
    if (this.#socket.getBufferedAmount() > 0) return this.#giveBack();
    this.#blocked = false;
    this.#shared.blocked.delete(this);
    this.#flush();
    this.#giveBack();
    if (this.#closed || this.#blocked) return;
    if (this.#ending !== null) this.#socket.end(this.#ending.code, this.#ending.reason);
    else this.#owner.onDrained();
  }

  /** Called some times a second while blocked. */
  retry(now: number): void {
    if (now - this.#blockedAtMs > this.#shared.readerStallMs) this.#cutOff();
  }

  /**
   * Says why and closes, behind what has been written: once a reader that is behind has taken all of it, or takes nothing for too long.
   * Closing calls the server's close handler at once.
   */
  end(code: number, reason: string): void {
    if (this.#closed || this.#ending !== null) return;
    if (this.#blocked) this.#ending = { code, reason };
    else this.#socket.end(code, reason);
  }

  /** Closes without a word: nobody listens there any more. */
  cutOff(): void {
    if (!this.#closed) this.#socket.close();
  }

  ping(): void {
    if (!this.#closed) this.#socket.ping();
  }

  /** The server's object must not be touched any more. */
  gone(): void {
    this.#closed = true;
    this.#blocked = false;
    this.#shared.blocked.delete(this);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#giveBack();
  }

  /** What is written cannot be taken: a slow reader. */
  #cutOff(): void {
    this.#shared.counters.add(C.backpressurePauses);
    this.cutOff();
  }

  #flush(): void {
    if (!this.#blocked && this.#waiting.length > 0) this.#socket.cork(this.#write);
    if (!this.#blocked) return;
    const held = this.#waitingBytes + this.#socket.getBufferedAmount();
    if (this.#waitingBytes > this.#shared.highWaterBytes || !this.#takeBudget(held)) this.#cutOff();
  }

  readonly #write = (): void => {
    const waiting = this.#waiting;
    let taken = 0;
    while (taken < waiting.length && !this.#blocked) {
      const message = waiting[taken++]!;
      this.#waitingBytes -= message.length;
      this.#shared.counters.add(C.responseWrites);
      if (this.#socket.send(message) === 0) this.#block();
    }
    if (taken === waiting.length) waiting.length = 0;
    else waiting.splice(0, taken);
  };

  #block(): void {
    this.#blocked = true;
    this.#blockedAtMs = nowMs();
    this.#shared.blocked.add(this);
    this.#shared.counters.add(C.backpressurePauses);
    this.#owner.onBlocked();
  }

  #takeBudget(bytes: number): boolean {
    const needed = budgetFor(bytes);
    if (needed <= this.#budgeted) return true;
    if (!this.#shared.streamBudget.take(needed - this.#budgeted)) return false;
    this.#budgeted = needed;
    return true;
  }

  /** Returns the budget for what is no longer held. */
  #giveBack(): void {
    const held = this.#blocked ? this.#waitingBytes + this.#socket.getBufferedAmount() : -1;
    const needed = held < 0 ? 0 : Math.min(budgetFor(held), this.#budgeted);
    if (needed < this.#budgeted) this.#shared.streamBudget.give(this.#budgeted - needed);
    this.#budgeted = needed;
  }
}
