/**
 * Concurrency slots with a FIFO queue for each row (a user or an account), exact across threads.
 *
 *   row (stride 4 + queue capacity, Int32):
 *     ┌──────┬───────┬──────┬───────┬───────────────────────────────┐
 *     │ word │ limit │ head │ loan  │ cells: tickets, oldest at head │
 *     └──────┴───────┴──────┴───────┴───────────────────────────────┘
 *     word:  bit 31 lock │ bits 16–30 waiting │ bits 0–15 in use
 *   held (after all rows, Int32 per owner × row): places that each owner has, so that a dead one's can be returned (`owners.ts`).
 *
 *   A thread cannot end while it holds a lock bit: nothing in there can throw, and what stops a thread between two instructions (a native
 *   crash, the heap's bound) ends the process. Should a lock ever stay, `relax` ends the thread that waits, and so the process.
 * Taking and returning a place while nobody waits is one compare-and-swap on `word`; a newcomer never overtakes those who wait. Whoever
 * touches the queue holds the row's lock bit for some tens of instructions without a call that could throw. A releaser hands its place
 * to the oldest live ticket: the count is never lowered while someone waits.
 * A limit may be lowered between a taker's look at it and its compare-and-swap; at a reload that place may be somebody else's already. So a
 * taker looks at the limit again once it owns the place: either whoever lowered it counted the place, or the taker gives it back.
 * Runs on fronts (take, enqueue, release, cancel) and primary (limits, reclaim). Never blocks for longer than another thread's hold.
 */
import { assert } from '#base/assert.ts';
import type { Doorbells } from './doorbells.ts';
import { relax } from './relax.ts';
import { CANCELLED, FREE, GRANTED, type TicketBoard, WAITING } from './ticket-board.ts';

const LOCK = -0x80000000;
const WAITING_SHIFT = 16;
const WAITING_MASK = 0x7fff;
const IN_USE_MASK = 0xffff;
const ROW_HEAD = 4;
/** The loan word: bits 0–15 owed to the predecessor, bits 16–31 set aside for it. Zero but for a reload. */
const OWED_MASK = 0xffff;
const SET_ASIDE_SHIFT = 16;
/** The count has 16 bits. */
export const SLOTS_MAX = IN_USE_MASK;
export interface SlotTableShape {
  rows: number;
  /** Fronts and the predecessor (`ownerCount`). */
  owners: number;
  /** Queue capacity of each row; a power of two. */
  queueMax: number;
}

export function slotTableBytes(shape: SlotTableShape): number {
  return shape.rows * (ROW_HEAD + shape.queueMax + shape.owners) * 4;
}

export type EnqueueResult = 'taken' | 'queued' | 'full';

export class SlotTable {
  /** Turns lost to other threads: a compare-and-swap that failed, a lock that was held. Whoever counts them sets it back. */
  retries = 0;
  readonly #cells: Int32Array;
  readonly #shape: SlotTableShape;
  readonly #stride: number;
  readonly #heldBase: number;
  readonly #owner: number;
  readonly #board: TicketBoard;
  readonly #bells: Doorbells;

  /** `owner`: whose places this instance takes and returns. */
  constructor(buffer: SharedArrayBuffer, shape: SlotTableShape, owner: number, board: TicketBoard, bells: Doorbells) {
    this.#cells = new Int32Array(buffer);
    this.#shape = shape;
    this.#stride = ROW_HEAD + shape.queueMax;
    this.#heldBase = shape.rows * this.#stride;
    this.#owner = owner;
    this.#board = board;
    this.#bells = bells;
  }

  get rows(): number {
    return this.#shape.rows;
  }

  limit(row: number): number {
    return this.#cells[row * this.#stride + 1]!;
  }

  inUse(row: number): number {
    return Atomics.load(this.#cells, row * this.#stride) & IN_USE_MASK;
  }

  waiting(row: number): number {
    return (Atomics.load(this.#cells, row * this.#stride) >>> WAITING_SHIFT) & WAITING_MASK;
  }

  /** Places in use plus exchanges that wait, in one read: what the scheduler calls load. */
  demand(row: number): number {
    const word = Atomics.load(this.#cells, row * this.#stride);
    return (word & IN_USE_MASK) + ((word >>> WAITING_SHIFT) & WAITING_MASK);
  }

  /** Places of a row that one owner has. */
  held(owner: number, row: number): number {
    return Atomics.load(this.#cells, this.#heldBase + owner * this.#shape.rows + row);
  }

  /** Takes a place if one is free and nobody waits. */
  tryTake(row: number): boolean {
    const at = row * this.#stride;
    for (let spins = 0; ; spins++, this.retries++) {
      const word = Atomics.load(this.#cells, at);
      if (word < 0) {
        relax(spins);
        continue;
      }
      if (word >>> WAITING_SHIFT !== 0 || (word & IN_USE_MASK) >= this.#cells[at + 1]!) return false;
      this.#own(this.#owner, row, 1);
      if (Atomics.compareExchange(this.#cells, at, word, word + 1) === word) {
        if ((word & IN_USE_MASK) < Atomics.load(this.#cells, at + 1)) return true;
        this.release(row);
        return false;
      }
      this.#own(this.#owner, row, -1);
    }
  }

  /** Joins the row's queue with a FREE ticket of this front; takes a place at once if one became free meanwhile. */
  enqueue(row: number, ticket: number): EnqueueResult {
    const at = row * this.#stride;
    const word = this.#lock(at);
    const inUse = word & IN_USE_MASK;
    const waiting = word >>> WAITING_SHIFT;
    if (waiting === 0 && inUse < this.#cells[at + 1]!) {
      this.#own(this.#owner, row, 1);
      this.#unlock(at, inUse + 1, 0);
      return 'taken';
    }
    if (waiting >= this.#shape.queueMax) {
      this.#unlock(at, inUse, waiting);
      return 'full';
    }
    this.#board.set(ticket, WAITING);
    const head = this.#cells[at + 2]!;
    this.#cells[at + ROW_HEAD + ((head + waiting) & (this.#shape.queueMax - 1))] = ticket;
    this.#unlock(at, inUse, waiting + 1);
    return 'queued';
  }

  /** Passes a place of this owner on to another one. */
  handTo(owner: number, row: number): void {
    this.#own(owner, row, 1);
    this.#own(this.#owner, row, -1);
  }

  /** Returns a place of this owner: to the oldest live ticket, else to the row. */
  release(row: number): void {
    const at = row * this.#stride;
    for (let spins = 0; ; spins++, this.retries++) {
      const word = Atomics.load(this.#cells, at);
      if (word < 0) {
        relax(spins);
        continue;
      }
      assert((word & IN_USE_MASK) > 0, 'a slot is released that nobody holds');
      if (word >>> WAITING_SHIFT !== 0) break;
      if (Atomics.compareExchange(this.#cells, at, word, word - 1) !== word) continue;
      this.#own(this.#owner, row, -1);
      return;
    }
    const word = this.#lock(at);
    this.#own(this.#owner, row, -1);
    this.#grantAndUnlock(row, (word & IN_USE_MASK) - 1, word >>> WAITING_SHIFT);
  }

  /**
   * Leaves the queue. `left`: the ticket is FREE again. `granted`: a releaser was faster, the caller owns a place now and the
   * ticket is FREE.
   */
  cancel(row: number, ticket: number): 'left' | 'granted' {
    if (!this.#board.leaveWaiting(ticket, CANCELLED)) {
      assert(this.#board.state(ticket) === GRANTED, 'a ticket is cancelled that is not waiting');
      this.#board.set(ticket, FREE);
      return 'granted';
    }
    const at = row * this.#stride;
    const word = this.#lock(at);
    const waiting = this.#dropCell(at, word >>> WAITING_SHIFT, ticket);
    this.#unlock(at, word & IN_USE_MASK, waiting);
    this.#board.set(ticket, FREE);
    return 'left';
  }

  /** Primary: sets a row's limit and hands out what a higher one allows. Places above a lower one run out as they end. */
  setLimit(row: number, limit: number): void {
    const at = row * this.#stride;
    const word = this.#lock(at);
    this.#cells[at + 1] = Math.min(limit, SLOTS_MAX);
    this.#grantAndUnlock(row, word & IN_USE_MASK, word >>> WAITING_SHIFT);
  }

  /**
   * Primary, for an owner that is gone and whose tickets are all cancelled: its cells leave the queues, its places go to those who
   * wait. Returns how many places it had.
   */
  reclaim(owner: number): number {
    let places = 0;
    for (let row = 0; row < this.#shape.rows; row++) {
      if (this.held(owner, row) !== 0 || this.waiting(row) !== 0) places += this.#reclaimRow(owner, row);
    }
    return places;
  }

  /** Under the row's lock, so that a hand-over to one of its tickets that is under way has either happened or failed. */
  #reclaimRow(owner: number, row: number): number {
    const at = row * this.#stride;
    const word = this.#lock(at);
    const waiting = this.#dropCellsOf(owner, at, word >>> WAITING_SHIFT);
    const held = this.held(owner, row);
    assert(held >= 0 && held <= (word & IN_USE_MASK), 'an owner has no more places than are in use');
    this.#own(owner, row, -held);
    this.#grantAndUnlock(row, (word & IN_USE_MASK) - held, waiting);
    return held;
  }

  // ── between two processes, while one replaces the other; primary only ─────────────────────────────────────────────────────

  /** The old one: lowers the limit to what is in use, so that every further place has to be asked for. Returns what is in use. */
  shrink(row: number): number {
    const at = row * this.#stride;
    const word = this.#lock(at);
    const inUse = word & IN_USE_MASK;
    if (inUse < this.#cells[at + 1]!) Atomics.store(this.#cells, at + 1, inUse);
    this.#unlock(at, inUse, word >>> WAITING_SHIFT);
    return inUse;
  }

  /** The old one: `places` more were lent to it; waiters get them at once. */
  grow(row: number, places: number): void {
    const at = row * this.#stride;
    const word = this.#lock(at);
    Atomics.store(this.#cells, at + 1, Math.min(this.#cells[at + 1]! + places, SLOTS_MAX));
    this.#grantAndUnlock(row, word & IN_USE_MASK, word >>> WAITING_SHIFT);
  }

  /** The new one: places that the predecessor has in use, also above the limit; or a job that is taken up again. */
  hold(row: number, places: number): void {
    const at = row * this.#stride;
    this.#own(this.#owner, row, places);
    const word = this.#lock(at);
    this.#unlock(at, (word & IN_USE_MASK) + places, word >>> WAITING_SHIFT);
  }

  /**
   * The new one: takes places for the predecessor, which has `wanted` waiters now, and returns how many. What cannot be had is owed:
   * the next places that become free are set aside for it, before those who wait here, and returned by a later call. With 0
   * nothing is owed any more. Without the debt a late request of the old process would starve behind a steady queue here.
   */
  lend(row: number, wanted: number): number {
    const at = row * this.#stride;
    const word = this.#lock(at);
    const inUse = word & IN_USE_MASK;
    const waiting = word >>> WAITING_SHIFT;
    const setAside = this.#cells[at + 3]! >>> SET_ASIDE_SHIFT;
    const missing = Math.max(0, wanted - setAside);
    const free = waiting > 0 ? 0 : Math.max(0, Math.min(missing, this.#cells[at + 1]! - inUse));
    this.#cells[at + 3] = missing - free;
    this.#own(this.#owner, row, free);
    this.#unlock(at, inUse + free, waiting);
    return setAside + free;
  }

  /** The new one: the predecessor does not use `places` any more; the oldest waiters get them. */
  takeBack(row: number, places: number): void {
    const at = row * this.#stride;
    assert(places <= this.held(this.#owner, row), 'the predecessor gives back no more than it has');
    const word = this.#lock(at);
    this.#own(this.#owner, row, -places);
    this.#grantAndUnlock(row, (word & IN_USE_MASK) - places, word >>> WAITING_SHIFT);
  }

  /** Holding the lock: sets free places aside that the predecessor is owed. Returns what is in use then. */
  #payDebt(row: number, at: number, inUse: number): number {
    const loan = this.#cells[at + 3]!;
    if (loan === 0) return inUse;
    const places = Math.max(0, Math.min(loan & OWED_MASK, this.#cells[at + 1]! - inUse));
    this.#own(this.#shape.owners - 1, row, places);
    this.#cells[at + 3] = loan - places + (places << SET_ASIDE_SHIFT);
    return inUse + places;
  }

  /** Holding the lock: pays what is owed, gives free places to the oldest tickets, then unlocks and rings. */
  #grantAndUnlock(row: number, inUseBefore: number, waiting: number): void {
    const at = row * this.#stride;
    const mask = this.#shape.queueMax - 1;
    const limit = this.#cells[at + 1]!;
    let inUse = this.#payDebt(row, at, inUseBefore);
    let head = this.#cells[at + 2]!;
    let rung = -1;
    while (waiting > 0 && inUse < limit) {
      const ticket = this.#cells[at + ROW_HEAD + (head & mask)]!;
      const front = this.#board.frontOf(ticket);
      this.#own(front, row, 1);
      head = (head + 1) & mask;
      waiting--;
      if (!this.#board.leaveWaiting(ticket, GRANTED)) {
        this.#own(front, row, -1);
        continue;
      }
      inUse++;
      if (rung >= 0 && rung !== front) this.#bells.ring(rung);
      rung = front;
    }
    this.#cells[at + 2] = head;
    this.#unlock(at, inUse, waiting);
    if (rung >= 0) this.#bells.ring(rung);
  }

  /** Holding the lock: removes a ticket's cell, closing the gap. Gone already when a releaser skipped it. */
  #dropCell(at: number, waiting: number, ticket: number): number {
    const mask = this.#shape.queueMax - 1;
    const head = this.#cells[at + 2]!;
    let found = 0;
    while (found < waiting && this.#cells[at + ROW_HEAD + ((head + found) & mask)] !== ticket) found++;
    if (found === waiting) return waiting;
    for (let i = found; i < waiting - 1; i++) {
      this.#cells[at + ROW_HEAD + ((head + i) & mask)] = this.#cells[at + ROW_HEAD + ((head + i + 1) & mask)]!;
    }
    return waiting - 1;
  }

  /** Holding the lock: removes every cell of one front's tickets; the others keep their order. */
  #dropCellsOf(owner: number, at: number, waiting: number): number {
    const mask = this.#shape.queueMax - 1;
    const head = this.#cells[at + 2]!;
    let kept = 0;
    for (let i = 0; i < waiting; i++) {
      const ticket = this.#cells[at + ROW_HEAD + ((head + i) & mask)]!;
      if (this.#board.frontOf(ticket) === owner) continue;
      this.#cells[at + ROW_HEAD + ((head + kept++) & mask)] = ticket;
    }
    return kept;
  }

  #own(owner: number, row: number, amount: number): void {
    Atomics.add(this.#cells, this.#heldBase + owner * this.#shape.rows + row, amount);
  }

  #lock(at: number): number {
    for (let spins = 0; ; spins++, this.retries++) {
      const word = Atomics.load(this.#cells, at);
      if (word >= 0 && Atomics.compareExchange(this.#cells, at, word, word | LOCK) === word) return word;
      relax(spins);
    }
  }

  #unlock(at: number, inUse: number, waiting: number): void {
    Atomics.store(this.#cells, at, (waiting << WAITING_SHIFT) | inUse);
  }
}
