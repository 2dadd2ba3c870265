/**
 * A bounded, growing list of byte ranges in order of position: `start, end, start, end, …`. Filled by the fact collector of
 * a scan; runs on every thread.
 */

/** Ranges a list keeps; the worst case is 512 KiB a list. A Claude Code session of 200 turns has about 600 texts. */
export const TEXT_SPANS_MAX = 65_536;

const CELLS_FIRST = 128;
const NONE = new Int32Array(0);

export class SpanList {
  #cells = new Int32Array(CELLS_FIRST);
  #used = 0;

  clear(): void {
    this.#used = 0;
    // What one huge body made grow is not kept for the next one.
    if (this.#cells.length > CELLS_FIRST * 16) this.#cells = new Int32Array(CELLS_FIRST);
  }

  /** Appends [start, end), which lies behind all others; does nothing when the list is full. */
  push(start: number, end: number): void {
    if (this.#used === TEXT_SPANS_MAX * 2) return;
    if (this.#used === this.#cells.length) {
      const grown = new Int32Array(this.#cells.length * 2);
      grown.set(this.#cells);
      this.#cells = grown;
    }
    this.#cells[this.#used++] = start;
    this.#cells[this.#used++] = end;
  }

  /** Takes out the ranges that begin in [start, end); costs one step for each of them and for each behind them. */
  removeWithin(start: number, end: number): void {
    let behind = this.#used;
    while (behind > 0 && this.#cells[behind - 2]! >= end) behind -= 2;
    let first = behind;
    while (first > 0 && this.#cells[first - 2]! >= start) first -= 2;
    this.#cells.copyWithin(first, behind, this.#used);
    this.#used -= behind - first;
  }

  /** A copy of the ranges; one that all share when there are none. */
  toArray(): Int32Array {
    if (this.#used === 0) return NONE;
    return this.#cells.slice(0, this.#used);
  }
}
