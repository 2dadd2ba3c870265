/** A share of a byte budget that grows and shrinks with what it stands for. Front thread only. */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';

export class Budgeted {
  readonly #budget: ByteBudget;
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** What it has, in whole KiB. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False: there is no room for so many; it keeps what it had. */
  resize(bytes: number): boolean {
    const needed = (bytes + 1023) & ~1023;
    if (needed > this.#bytes && !this.#budget.take(needed - this.#bytes)) return false;
    if (needed < this.#bytes) this.#budget.give(this.#bytes - needed);
    this.#bytes = needed;
    return true;
  }
}
