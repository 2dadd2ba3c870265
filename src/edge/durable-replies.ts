/**
 * Journaled mode: the answers of this front whose exchange is settled and whose end waits for its record to be on disk. Records
 * become durable in the order of the ring, so the answers are a queue.
 *
 *   hold ──► queue ──doorbell: the usage-writer has synced──► what was kept leaves, the answer ends
 *              └── not within `waitMs` ──► broken off: the client never saw it complete
 *
 * Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { FAILURE_CODES, refuse } from '#failure/registry.ts';
import type { UsageRingProducer } from '#usage/ring.ts';
import { answerRefusal } from './answers.ts';
import type { ReplyShared } from './client-side.ts';
import type { Exchange } from './exchange.ts';

interface Held {
  readonly exchange: Exchange;
  /** Of the ring, behind the record. */
  readonly position: number;
  readonly untilMs: number;
}

export interface DurableParts {
  readonly usageRing: UsageRingProducer;
  readonly replies: ReplyShared;
  readonly waitMs: number;
}

export class DurableReplies {
  readonly #parts: DurableParts;
  #queue: Held[] = [];
  #first = 0;

  constructor(parts: DurableParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#queue.length - this.#first;
  }

  /** What they have of the budget for answers that wait. */
  get budgetedBytes(): number {
    return this.#queue.slice(this.#first).reduce((sum, { exchange }) => sum + exchange.hold!.budgetedBytes, 0);
  }

  /** The exchange is settled: its record is the newest in the ring. */
  hold(exchange: Exchange): void {
    const { usageRing, replies, waitMs } = this.#parts;
    replies.unfinished++;
    this.#queue.push({ exchange, position: usageRing.position, untilMs: nowMs() + waitMs });
    if (this.size === 1) usageRing.waiting = true;
    this.release();
  }

  /** Lets go what has become durable; called when the doorbell rang. */
  release(): void {
    if (this.size === 0) return;
    const { usageRing } = this.#parts;
    while (this.size > 0 && usageRing.isDurable(this.#queue[this.#first]!.position)) this.#finish(this.#take());
    if (this.size === 0) usageRing.waiting = false;
  }

  /** Called some times a second: the disk may take nothing at all. */
  sweep(now: number): void {
    this.release();
    while (this.size > 0 && now >= this.#queue[this.#first]!.untilMs) this.#breakOff(this.#take());
    if (this.size === 0) this.#parts.usageRing.waiting = false;
  }

  #take(): Exchange {
    const { exchange } = this.#queue[this.#first++]!;
    if (this.#first === this.#queue.length) {
      this.#queue.length = 0;
      this.#first = 0;
    } else if (this.#first > 1024 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    this.#parts.replies.unfinished--;
    return exchange;
  }

  #finish({ hold, reply }: Exchange): void {
    hold!.letGo();
    reply.finish();
  }

  #breakOff(exchange: Exchange): void {
    exchange.hold!.drop();
    answerRefusal(exchange, refuse('record_not_durable'));
    this.#parts.replies.counters.failure(FAILURE_CODES.indexOf('record_not_durable'));
  }
}
