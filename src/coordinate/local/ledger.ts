/**
 * What each user may still spend, in shared memory, nano-USD.
 *
 *   BigInt64, a row a user:  [ balance | unflushed | reserved ]
 *     balance    as of the last batch that PostgreSQL committed
 *     unflushed  settled here, not committed yet
 *     reserved   estimates of the exchanges in flight
 *     available = balance − unflushed − reserved
 *   held (after all rows, BigInt64 per owner × row): what each owner has reserved, so that a dead one's can be returned (`owners.ts`)
 *
 * Settling adds the cost to `unflushed` before the record reaches the writer and before it frees the reservation; a commit lowers
 * `balance` before it lowers `unflushed`: at every instant `available` is the truth or less, so too much is never admitted. Absolute balances enter only from
 * the writer's committed batches (and once when a row is first loaded).
 *
 * Fronts reserve and settle, primary loads, commits and frees what gone owners reserved.
 */
const BALANCE = 0;
const UNFLUSHED = 1;
const RESERVED = 2;
const ROW_CELLS = 3;
/** A balance that covers nothing. */
const CLOSED = -(2n ** 62n);

export interface LedgerShape {
  rows: number;
  /** Fronts, jobs and the predecessor (`ownerCount`). */
  owners: number;
}

export function ledgerBytes(shape: LedgerShape): number {
  return shape.rows * (ROW_CELLS + shape.owners) * 8;
}

export class Ledger {
  readonly #cells: BigInt64Array;
  readonly #shape: LedgerShape;
  readonly #owner: number;

  /** `owner`: for whom this instance reserves. */
  constructor(buffer: SharedArrayBuffer, shape: LedgerShape, owner: number) {
    this.#cells = new BigInt64Array(buffer);
    this.#shape = shape;
    this.#owner = owner;
  }

  /** Reads in the order in which amounts move (reserved → unflushed → balance): what moves meanwhile is seen twice, never missed. */
  available(row: number): bigint {
    const at = row * ROW_CELLS;
    const reserved = Atomics.load(this.#cells, at + RESERVED);
    const unflushed = Atomics.load(this.#cells, at + UNFLUSHED);
    return Atomics.load(this.#cells, at + BALANCE) - unflushed - reserved;
  }

  reserved(row: number): bigint {
    return Atomics.load(this.#cells, row * ROW_CELLS + RESERVED);
  }

  /** What one owner has reserved. */
  held(owner: number, row: number): bigint {
    return Atomics.load(this.#cells, this.#heldAt(owner, row));
  }

  /** Sets an amount aside, or returns false and leaves nothing behind. An instant of too much refusal is allowed. */
  reserve(row: number, amount: bigint): boolean {
    const at = row * ROW_CELLS;
    Atomics.add(this.#cells, this.#heldAt(this.#owner, row), amount);
    Atomics.add(this.#cells, at + RESERVED, amount);
    if (this.available(row) >= 0n) return true;
    this.free(row, amount);
    return false;
  }

  /** What an exchange really cost; before its record can be seen by the writer, and before its reservation is freed. */
  charge(row: number, amount: bigint): void {
    Atomics.add(this.#cells, row * ROW_CELLS + UNFLUSHED, amount);
  }

  /** Ends a reservation. */
  free(row: number, amount: bigint): void {
    Atomics.sub(this.#cells, row * ROW_CELLS + RESERVED, amount);
    Atomics.sub(this.#cells, this.#heldAt(this.#owner, row), amount);
  }

  /** Passes a reservation on to another owner; it is set aside all the time. */
  handTo(owner: number, row: number, amount: bigint): void {
    Atomics.add(this.#cells, this.#heldAt(owner, row), amount);
    Atomics.sub(this.#cells, this.#heldAt(this.#owner, row), amount);
  }

  /** Settled by this process and not committed yet. */
  unflushed(row: number): bigint {
    return Atomics.load(this.#cells, row * ROW_CELLS + UNFLUSHED);
  }

  /** Primary, when a user gets a row: nothing of this user can be in flight yet. */
  load(row: number, balance: bigint): void {
    Atomics.store(this.#cells, row * ROW_CELLS + BALANCE, balance);
  }

  /** Primary, after a batch: the balance that the transaction returned and how much of it this process had settled. */
  commit(row: number, balance: bigint, committed: bigint): void {
    const at = row * ROW_CELLS;
    Atomics.store(this.#cells, at + BALANCE, balance);
    Atomics.sub(this.#cells, at + UNFLUSHED, committed);
  }

  /** Primary, for an owner that is gone: frees what it had reserved. Returns the sum. */
  reclaim(owner: number): bigint {
    let sum = 0n;
    for (let row = 0; row < this.#shape.rows; row++) {
      const amount = this.held(owner, row);
      if (amount === 0n) continue;
      Atomics.sub(this.#cells, row * ROW_CELLS + RESERVED, amount);
      Atomics.sub(this.#cells, this.#heldAt(owner, row), amount);
      sum += amount;
    }
    return sum;
  }

  // ── between two processes, while one replaces the other; primary only ─────────────────────────────────────────────────────

  /**
   * The old one: the balance becomes what is outstanding, which is returned, so that every further amount has to be asked for. With
   * the balance closed first, whoever reserves meanwhile is either in the sum or refused.
   */
  cap(row: number): bigint {
    const at = row * ROW_CELLS;
    Atomics.store(this.#cells, at + BALANCE, CLOSED);
    const reserved = Atomics.load(this.#cells, at + RESERVED);
    const outstanding = reserved + Atomics.load(this.#cells, at + UNFLUSHED);
    Atomics.store(this.#cells, at + BALANCE, outstanding);
    return outstanding;
  }

  /** The old one: takes off the balance what is not outstanding any more, and returns it; negative when more was charged than set aside. */
  uncover(row: number): bigint {
    const free = this.available(row);
    if (free > 0n && !this.reserve(row, free)) return 0n;
    Atomics.sub(this.#cells, row * ROW_CELLS + BALANCE, free);
    if (free > 0n) this.free(row, free);
    return free;
  }

  /** The old one: `amount` more was set aside for it. */
  cover(row: number, amount: bigint): void {
    Atomics.add(this.#cells, row * ROW_CELLS + BALANCE, amount);
  }

  /** The old one, after a batch: what is committed is not outstanding any more; the new one keeps it set aside. */
  commitCapped(row: number, committed: bigint): void {
    const at = row * ROW_CELLS;
    Atomics.sub(this.#cells, at + BALANCE, committed);
    Atomics.sub(this.#cells, at + UNFLUSHED, committed);
  }

  /** The new one: sets aside what the predecessor has outstanding, or a job that is taken up again, covered or not; a negative amount gives back. */
  setAside(row: number, amount: bigint): void {
    Atomics.add(this.#cells, this.#heldAt(this.#owner, row), amount);
    Atomics.add(this.#cells, row * ROW_CELLS + RESERVED, amount);
  }

  #heldAt(owner: number, row: number): number {
    return this.#shape.rows * (ROW_CELLS + owner) + row;
  }
}
