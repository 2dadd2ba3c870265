/**
 * Which generation of each row is the living one, in shared memory. Whoever was told (row, generation) can check at the cost of one
 * read that the row is still its own.
 *
 *   Int32:  [ row 0 | row 1 | … ]     raised by primary each time a row is freed, wraps
 *
 * Primary writes, fronts read.
 */
export function rowGenerationBytes(rows: number): number {
  return rows * 4;
}

export class RowGenerations {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  current(row: number): number {
    return Atomics.load(this.#words, row);
  }

  raise(row: number): void {
    Atomics.add(this.#words, row, 1);
  }
}
