/**
 * Which row of the shared tables belongs to which user or account. A row is assigned when its owner is first loaded; capacity is
 * configured and part of the memory sum; a full table refuses newcomers. An owner that nobody uses can give its row up:
 *
 *              assign                    retire                    free (nothing held, every front has dropped it)
 *   no row ────────────► (row, gen) ────────────► retiring ─────────────────────────► no row; the row's generation rises
 *                              ▲                     │
 *                              └─ assign (wanted) / keep
 *
 * `RowGenerations` tells every thread which generation of a row is the living one. Primary only.
 */
import type { RowGenerations } from './row-generations.ts';

/** Share of a table in use from which on rows should be taken back. */
export const NEARLY_FULL = 0.9;

export interface Seat {
  readonly row: number;
  readonly generation: number;
}

interface Entry extends Seat {
  retiring: boolean;
}

export class RowTable {
  readonly capacity: number;
  readonly #generations: RowGenerations;
  /** Oldest use first. */
  readonly #entries = new Map<number, Entry>();
  readonly #free: number[] = [];
  #made = 0;
  /** How often a row was freed. */
  frees = 0;
  /** Told when somebody new comes to a table that is nearly full; must not change the table at once. */
  onNearlyFull: () => void = () => {};

  constructor(capacity: number, generations: RowGenerations) {
    this.capacity = capacity;
    this.#generations = generations;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Rows below this one have been used; those above never. */
  get made(): number {
    return this.#made;
  }

  /** The row of an id that has one. */
  find(id: number): Seat | undefined {
    return this.#entries.get(id);
  }

  /** The row of an id and whether it was just made; null when the table is full. Who is asked for is wanted: it does not retire. */
  assign(id: number): (Seat & { fresh: boolean }) | null {
    const known = this.#entries.get(id);
    if (known !== undefined) {
      this.touch(id);
      known.retiring = false;
      return { row: known.row, generation: known.generation, fresh: false };
    }
    const row = this.#free.pop() ?? (this.#made < this.capacity ? this.#made++ : -1);
    if (this.#entries.size >= this.capacity * NEARLY_FULL) this.onNearlyFull();
    if (row < 0) return null;
    const entry = { row, generation: this.#generations.current(row), retiring: false };
    this.#entries.set(id, entry);
    return { row, generation: entry.generation, fresh: true };
  }

  /** Id and row of everybody who has one. */
  *entries(): IterableIterator<[number, number]> {
    for (const [id, { row }] of this.#entries) yield [id, row];
  }

  /** It was used just now. */
  touch(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#entries.set(id, entry);
  }

  /** Ids with rows, the least recently used first. */
  ids(): IterableIterator<number> {
    return this.#entries.keys();
  }

  /** Begins to take a row away; `assign` and `keep` end that. */
  retire(id: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.retiring = true;
  }

  keep(id: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.retiring = false;
  }

  /** Takes the row away, if it is still retiring: from here on nothing of the old generation is valid. */
  free(id: number): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || !entry.retiring) return false;
    this.#entries.delete(id);
    this.#generations.raise(entry.row);
    this.#free.push(entry.row);
    this.frees++;
    return true;
  }
}
