/**
 * Tickets of exchanges that wait for a place, one state word each, in a block per front. Only the owner makes and frees its
 * tickets; a releaser on any thread may move WAITING → GRANTED, the owner WAITING → CANCELLED: whoever wins the compare-and-swap
 * decides, so a place is never given to somebody who left, and never lost.
 *
 *            enqueue              releaser: CAS
 *   FREE ──────────────► WAITING ──────────────► GRANTED ──► FREE
 *                           │  owner: CAS
 *                           └──────────────────► CANCELLED ──► FREE   (after its cell left the row's queue)
 *
 * Primary cancels and frees the tickets of a front that is gone.
 */
export const FREE = 0;
export const WAITING = 1;
export const GRANTED = 2;
export const CANCELLED = 3;

export function ticketBoardBytes(fronts: number, ticketsPerFront: number): number {
  return fronts * ticketsPerFront * 4;
}

export class TicketBoard {
  readonly states: Int32Array;
  readonly ticketsPerFront: number;

  constructor(buffer: SharedArrayBuffer, ticketsPerFront: number) {
    this.states = new Int32Array(buffer);
    this.ticketsPerFront = ticketsPerFront;
  }

  frontOf(ticket: number): number {
    return Math.floor(ticket / this.ticketsPerFront);
  }

  firstOf(front: number): number {
    return front * this.ticketsPerFront;
  }

  state(ticket: number): number {
    return Atomics.load(this.states, ticket);
  }

  set(ticket: number, state: number): void {
    Atomics.store(this.states, ticket, state);
  }

  /** Primary, for a front that is gone: nothing is granted to it any more. Returns how many tickets were waiting. */
  cancelAll(front: number): number {
    let waiting = 0;
    const first = this.firstOf(front);
    for (let i = 0; i < this.ticketsPerFront; i++) if (this.leaveWaiting(first + i, CANCELLED)) waiting++;
    return waiting;
  }

  /** Primary, once the cells of a gone front's tickets have left every queue. */
  freeAll(front: number): void {
    const first = this.firstOf(front);
    for (let i = 0; i < this.ticketsPerFront; i++) this.set(first + i, FREE);
  }

  /** True when this caller moved the ticket out of WAITING. */
  leaveWaiting(ticket: number, to: typeof GRANTED | typeof CANCELLED): boolean {
    return Atomics.compareExchange(this.states, ticket, WAITING, to) === WAITING;
  }
}
