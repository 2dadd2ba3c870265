/**
 * Which row of the shared tables belongs to which user or account: assigned when it is first loaded, kept for the life of the
 * process. Capacity is configured and part of the memory sum; a full table refuses newcomers and never evicts somebody who may
 * have work in flight. Primary only.
 */
export class RowTable {
  readonly #rows = new Map<number, number>();
  readonly #rowsMax: number;

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row of an id that has one. */
  find(id: number): number | undefined {
    return this.#rows.get(id);
  }

  /** The row of an id and whether it was just made; null when the table is full. */
  assign(id: number): { row: number; fresh: boolean } | null {
    const known = this.#rows.get(id);
    if (known !== undefined) return { row: known, fresh: false };
    if (this.#rows.size >= this.#rowsMax) return null;
    const row = this.#rows.size;
    this.#rows.set(id, row);
    return { row, fresh: true };
  }

  ids(): IterableIterator<number> {
    return this.#rows.keys();
  }
}
