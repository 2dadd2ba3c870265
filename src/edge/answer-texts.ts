/**
 * The generated texts of one answer whose tokens will be counted, gathered as they pass. Bounded by a cap and by the budget of answers that
 * wait: beyond either it lets go of everything, and the answer is not counted. Front thread only.
 *
 *   deltas "Hel" "lo" │ "{\"a\"" ":1}"      ─►  buffer Hello{\"a\":1}      ranges [0, 5) [5, 13)
 */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import type { TextSink } from '#wire/text-sink.ts';
import { Budgeted } from './budgeted.ts';

const FIRST_BYTES = 2_048;
/** Of a cell of the lists of ranges. */
const CELL_BYTES = 8;
const NO_TEXT = Number.NaN;
const EMPTY = new Uint8Array(0);

export class AnswerTexts implements TextSink {
  readonly #bytesMax: number;
  readonly #budgeted: Budgeted;
  #bytes: Uint8Array = EMPTY;
  #used = 0;
  /** `start, end, …` of texts with escapes, and of those that stand for themselves. */
  #escaped: number[] = [];
  #plain: number[] = [];
  #last = NO_TEXT;
  #lost = false;

  constructor(budget: ByteBudget, bytesMax: number) {
    this.#budgeted = new Budgeted(budget);
    this.#bytesMax = bytesMax;
  }

  /** What it has of the budget. */
  get budgetedBytes(): number {
    return this.#budgeted.bytes;
  }

  /** Null: not everything is there. Valid until the next call of another method. */
  get texts(): { body: Uint8Array; texts: Int32Array[]; plain: Int32Array[] } | null {
    if (this.#lost) return null;
    return { body: this.#bytes, texts: [Int32Array.from(this.#escaped)], plain: [Int32Array.from(this.#plain)] };
  }

  add(text: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#lost || start === end) return;
    const ranges = text < 0 ? this.#plain : this.#escaped;
    if (text !== this.#last) ranges.push(this.#used, this.#used);
    this.#last = text;
    if (!this.#makeRoom(this.#used + end - start)) return this.lose();
    this.#bytes.set(bytes.subarray(start, end), this.#used);
    this.#used += end - start;
    ranges[ranges.length - 1] = this.#used;
  }

  next(): void {
    this.#last = NO_TEXT;
  }

  lose(): void {
    this.reset();
    this.#lost = true;
  }

  /** Another answer begins. */
  reset(): void {
    this.#bytes = EMPTY;
    this.#used = 0;
    this.#escaped = [];
    this.#plain = [];
    this.#last = NO_TEXT;
    this.#lost = false;
    this.#budgeted.resize(0);
  }

  /** Nothing more is gathered, and nothing is kept. */
  drop(): void {
    this.lose();
  }

  #makeRoom(needed: number): boolean {
    const cells = (this.#escaped.length + this.#plain.length) * CELL_BYTES;
    const isLarger = needed > this.#bytes.length;
    const capacity = isLarger ? Math.min(this.#bytesMax, Math.max(FIRST_BYTES, 2 * needed)) : this.#bytes.length;
    if (needed + cells > this.#bytesMax || !this.#budgeted.resize(capacity + cells)) return false;
    if (isLarger) {
      const larger = new Uint8Array(capacity);
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    return true;
  }
}
