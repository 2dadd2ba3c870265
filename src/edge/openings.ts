/**
 * Keeps the opening events of streams back for a moment: as long as nothing else has come no byte leaves, so that an error that an
 * upstream says first in its 200 can still be answered by another account, or as the status that it is. Front thread only.
 *
 *   end of a turn ──only opening events──► wait ──content or error──► none waits any more
 *        │                                  └── `holdBackMs` over, or no room ──► what came leaves
 *        └── content among them ──► leaves with them in one write; nothing was made for it
 *
 * All wait equally long, so they are a queue with one timer. One that ended sooner stays in the queue until its time has come.
 */
import { nowMs } from '#base/clock.ts';
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { Budgeted } from './budgeted.ts';
import type { Exchange } from './exchange.ts';

/** What an exchange's opening events have of the budget for answers that wait, and until when they stay. */
export class Opening extends Budgeted {
  readonly exchange: Exchange;
  readonly untilMs: number;

  constructor(budget: ByteBudget, exchange: Exchange, untilMs: number) {
    super(budget);
    this.exchange = exchange;
    this.untilMs = untilMs;
  }
}

export interface OpeningBounds {
  /** 0: nothing is kept beyond its turn of the loop. */
  readonly holdBackMs: number;
  /** Of one answer. */
  readonly bytesMax: number;
}

export class Openings {
  readonly #budget: ByteBudget;
  readonly #bounds: OpeningBounds;
  readonly #queue: Opening[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(budget: ByteBudget, bounds: OpeningBounds) {
    this.#budget = budget;
    this.#bounds = bounds;
  }

  /** Those that have not left the queue, waiting or not. */
  get size(): number {
    return this.#queue.length - this.#first;
  }

  /** At the end of a turn, before the head of an answer leaves: whether it and its `pendingBytes` stay. */
  keeps(exchange: Exchange, pendingBytes: number): boolean {
    if (!exchange.opens || this.#bounds.holdBackMs === 0) return false;
    exchange.opening ??= this.#enqueue(exchange);
    if (pendingBytes <= this.#bounds.bytesMax && exchange.opening.resize(pendingBytes)) return true;
    letGo(exchange);
    return false;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #enqueue(exchange: Exchange): Opening {
    const { holdBackMs } = this.#bounds;
    const opening = new Opening(this.#budget, exchange, nowMs() + holdBackMs);
    this.#queue.push(opening);
    if (this.#timer === null) this.#arm(holdBackMs);
    return opening;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(this.#release, ms);
    this.#timer.unref();
  }

  readonly #release = (): void => {
    this.#timer = null;
    const now = nowMs();
    for (; this.size > 0; this.#first++) {
      const opening = this.#queue[this.#first]!;
      const { exchange, untilMs } = opening;
      if (exchange.opening !== opening) continue;
      if (untilMs > now) break;
      letGo(exchange);
      exchange.reply.flush();
    }
    this.#compact();
    if (this.size > 0) this.#arm(Math.ceil(this.#queue[this.#first]!.untilMs - now));
  };

  #compact(): void {
    if (this.#first === this.#queue.length) this.#queue.length = 0;
    else if (this.#first * 2 > this.#queue.length) this.#queue.splice(0, this.#first);
    else return;
    this.#first = 0;
  }
}

/** The answer has begun in earnest, or is over: what has come of it may leave. */
export function letGo(exchange: Exchange): void {
  exchange.opens = false;
  exchange.opening?.resize(0);
  exchange.opening = null;
}
