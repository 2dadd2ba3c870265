/**
 * Limits and balances as the catalog and the usage-writer tell them, written into the shared tables; while another process has taken
 * over they are only remembered, because then more than what is in use has to be asked for. Primary only.
 */
import type { Ledger } from '#coordinate/local/ledger.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';

export class RowLimits {
  readonly #slots: SlotTable;
  /** What the catalog says, by row. */
  readonly #wanted: number[] = [];
  #handedOver = false;

  constructor(slots: SlotTable) {
    this.#slots = slots;
  }

  limit(row: number): number {
    return this.#wanted[row] ?? 0;
  }

  setLimit(row: number, limit: number): void {
    this.#wanted[row] = limit;
    if (!this.#handedOver) this.#slots.setLimit(row, limit);
  }

  handOver(): void {
    this.#handedOver = true;
  }

  /** Every row gets what the catalog says; waiters get their places at once. */
  resume(): void {
    this.#handedOver = false;
    for (const [row, limit] of this.#wanted.entries()) this.#slots.setLimit(row, limit ?? 0);
  }
}

export class RowBalances {
  readonly #ledger: Ledger;
  /** Commits of each row so far: a balance that was read while one came may be older than it. */
  readonly #commits: number[] = [];
  #handedOver = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** A row's first balance. */
  load(row: number, balance: bigint): void {
    this.#commits[row] = this.commits(row) + 1;
    if (!this.#handedOver) this.#ledger.load(row, balance);
  }

  commit(row: number, balance: bigint, committed: bigint): void {
    this.#commits[row] = this.commits(row) + 1;
    if (this.#handedOver) this.#ledger.commitCapped(row, committed);
    else this.#ledger.commit(row, balance, committed);
  }

  /** A charge that nobody had booked here is in PostgreSQL: only while another process goes by what is outstanding is that to be told. */
  commitUnbooked(row: number, amount: bigint): void {
    if (!this.#handedOver) return;
    this.#ledger.charge(row, amount);
    this.#ledger.commitCapped(row, amount);
  }

  commits(row: number): number {
    return this.#commits[row] ?? 0;
  }

  /** Takes over a balance that was read from PostgreSQL; false when it may be older than a commit, then read again. */
  refresh(row: number, balance: bigint, commitsBefore: number): boolean {
    if (this.commits(row) !== commitsBefore) return false;
    this.#ledger.load(row, balance);
    return true;
  }

  handOver(): void {
    this.#handedOver = true;
  }

  resume(): void {
    this.#handedOver = false;
  }
}
