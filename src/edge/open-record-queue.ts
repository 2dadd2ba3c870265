/**
 * Leaves an open record of each answer that is under way, so that a process that is killed still bills what it had served.
 *
 *   first byte ──► collected ──end of the turn──► settled meanwhile? nothing : pushed ──sweep──► renewed when its counts moved
 *                                                                               │
 *                                               settle: `closing`, or `void` when there is no record after all
 *
 * An answer that comes whole in one turn of the event loop, as small JSON does, never leaves one. An open record takes no room that
 * admission has reserved; where there is none it is left out and counted. Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import type { UsagePressure } from '#usage/pressure.ts';
import { KIND, type UsageRecord } from '#usage/record.ts';
import type { UsageRingProducer } from '#usage/ring.ts';
import type { Exchange } from './exchange.ts';
import type { Flushable, FlushQueue } from './flush-queue.ts';
import { usageOf, voidOf } from './usage-of.ts';

export interface OpenRecordParts {
  readonly usageRing: UsageRingProducer;
  readonly usagePressure: UsagePressure;
  readonly counters: CounterRow;
  readonly flushQueue: FlushQueue;
  readonly renewMs: number;
}

export class OpenRecordQueue implements Flushable {
  readonly #parts: OpenRecordParts;
  readonly #begun: Exchange[] = [];

  constructor(parts: OpenRecordParts) {
    this.#parts = parts;
  }

  /** The first byte of an answer that will be billed has come. */
  begin(exchange: Exchange): void {
    if (this.#begun.push(exchange) === 1) this.#parts.flushQueue.addLast(this);
  }

  /** The end of the turn, behind its answers; called by the flush queue. */
  flush(): void {
    const now = nowMs();
    for (let i = 0; i < this.#begun.length; i++) this.#renew(this.#begun[i]!, now);
    this.#begun.length = 0;
  }

  /**
   * Called some times a second. The first open record of a stream may lack its tokens, when the upstream's first event was not whole
   * yet: that one is renewed at once.
   */
  sweep(exchange: Exchange, now: number): void {
    if (exchange.firstByteAtMs === 0) return;
    const waitMs = exchange.openTokens <= 0 ? 0 : this.#parts.renewMs;
    if (now - exchange.openedAtMs >= waitMs) this.#renew(exchange, now);
  }

  /** This answer counts as never begun. */
  withdraw(exchange: Exchange): void {
    // Without room it stays, and `settle` ends it.
    if (exchange.openTokens >= 0 && this.#parts.usageRing.tryPush(voidOf(exchange), KIND.void))
      exchange.openTokens = -1;
  }

  #renew(exchange: Exchange, now: number): void {
    if (!exchange.billable || exchange.tap === null || exchange.stage === 'settled') return;
    exchange.openedAtMs = now;
    this.leave(exchange, usageOf(exchange, 'open', now));
  }

  /** `record` stands for what comes of the exchange later. False: there was no room, so that a crash before that would lose it. */
  leave(exchange: Exchange, record: UsageRecord): boolean {
    const tokens = tokensOf(record);
    if (exchange.openTokens === tokens) return true;
    const { usageRing, usagePressure, counters } = this.#parts;
    const left = !usagePressure.refuse && usageRing.tryPush(record, KIND.open);
    counters.add(left ? C.openRecords : C.openRecordsSkipped);
    if (left) exchange.openTokens = tokens;
    return left;
  }
}

function tokensOf(record: UsageRecord): number {
  const cache = record.cacheReadTokens + record.cacheWrite5mTokens + record.cacheWrite1hTokens;
  return record.inputTokens + record.outputTokens + cache;
}
