/**
 * The open exchanges of one front: a dense array from which any one is removed by moving the last into its place.
 *
 * Not a `Set`: V8 replaces a set's table every few dozen additions, and each dead table that has reached the old generation
 * keeps the next one, with the exchanges in it, alive until the next full collection. Measured with `npm run bench:nginx`
 * (JSON): 5.5 KB of every request were promoted.
 *
 * Front thread only.
 */
import { assert } from '#base/assert.ts';

/** What is listed remembers its own place; −1 when it is not listed. */
export interface Listed {
  openIndex: number;
}

export class OpenList<Item extends Listed> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: Item): void {
    assert(item.openIndex < 0, 'an exchange is opened twice');
    item.openIndex = this.#items.length;
    this.#items.push(item);
  }

  delete(item: Item): void {
    assert(this.#items[item.openIndex] === item, 'an exchange is closed that is not open');
    const last = this.#items.pop()!;
    if (last !== item) {
      this.#items[item.openIndex] = last;
      last.openIndex = item.openIndex;
    }
    item.openIndex = -1;
  }

  /** What is open now, as a copy: items may close while it is walked. */
  snapshot(): Item[] {
    return this.#items.slice();
  }
}
