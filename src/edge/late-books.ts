/**
 * Answers that are over for everybody but the books: their tokens are still being counted. Each has left an open record, so that a crash
 * meanwhile bills the estimate by bytes; their room in the ring and their money stay set aside, and nothing else. None waits longer than
 * the counts (`tokenizer.deadlineMs`). Front thread only.
 */
import { cost } from '#meter/cost.ts';
import type { UsageRecord } from '#usage/record.ts';
import { type Book, type BookKeeping, closeBook } from './close-book.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import type { UsageCount } from './usage-count.ts';

interface LateBook extends Book {
  readonly counted: UsageCount;
  /** Prices the record with these counts. */
  readonly recount: () => void;
}

export class LateBooks {
  readonly #late = new Set<LateBook>();
  #closed = false;

  get size(): number {
    return this.#late.size;
  }

  books(): Iterable<Book> {
    return this.#late;
  }

  /**
   * Whether the record waits for its counts. Otherwise it is to be entered now, with what has been counted already. Only of answers that
   * reported nothing: what was reported counts for more than what is counted.
   */
  keep(parts: Parts, exchange: Exchange, record: UsageRecord): boolean {
    const { counted, tap, price, sentModel } = exchange;
    if (counted === null || tap === null || price === null || !tap.unreported) return false;
    if (exchange.operation.generates && !this.#closed) counted.askOutput(parts, sentModel);
    const { serviceTier } = tap;
    const recount = (): void => {
      record.inputTokens = counted.inputTokens ?? record.inputTokens;
      record.outputTokens = counted.outputTokens ?? record.outputTokens;
      Object.assign(record, cost(record, price, record.multiplierMicros, serviceTier));
    };
    if (this.#closed || !counted.isOut || !parts.openRecords.leave(exchange, { ...record, status: 'open' })) {
      recount();
      return false;
    }
    const { userRow } = exchange.entry!.principal;
    const { reservedNanoUsd } = exchange;
    const late: LateBook = { record, wasOpen: true, userRow, reservedNanoUsd, counted, recount };
    exchange.openTokens = -1;
    this.#late.add(late);
    counted.whenTold = () => this.#enter(parts, late);
    return true;
  }

  /** The front ends: what has not been counted by now is estimated, and nothing waits any more. */
  close(parts: BookKeeping): void {
    this.#closed = true;
    for (const late of this.#late) this.#enter(parts, late);
  }

  #enter(parts: BookKeeping, late: LateBook): void {
    this.#late.delete(late);
    late.counted.whenTold = null;
    late.recount();
    closeBook(parts, late);
  }
}
