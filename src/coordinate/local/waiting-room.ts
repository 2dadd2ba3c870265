/**
 * A front's own waiting exchanges: who holds which ticket. The front's doorbell makes it look for granted tickets and wake their
 * owners in the order in which they began to wait. Front thread only.
 */
import { assert } from '#base/assert.ts';
import type { SlotTable } from './slot-table.ts';
import { FREE, GRANTED, type TicketBoard } from './ticket-board.ts';

export interface Waiter {
  /** A place was handed over; the waiter owns it now and must release it. */
  onGranted(): void;
}

interface Seat {
  readonly ticket: number;
  readonly table: SlotTable;
  readonly row: number;
  readonly waiter: Waiter;
}

export type WaitResult = Seat | 'taken' | 'full';

export class WaitingRoom {
  readonly #board: TicketBoard;
  readonly #free: number[] = [];
  readonly #seats = new Set<Seat>();

  constructor(board: TicketBoard, front: number) {
    this.#board = board;
    const first = board.firstOf(front);
    for (let i = board.ticketsPerFront - 1; i >= 0; i--) this.#free.push(first + i);
  }

  get waiting(): number {
    return this.#seats.size;
  }

  /** Joins the queue of a row; `taken` when a place became free meanwhile, `full` when no more may wait. */
  wait(table: SlotTable, row: number, waiter: Waiter): WaitResult {
    const ticket = this.#free.pop();
    if (ticket === undefined) return 'full';
    const result = table.enqueue(row, ticket);
    if (result !== 'queued') {
      this.#free.push(ticket);
      return result;
    }
    const seat: Seat = { ticket, table, row, waiter };
    this.#seats.add(seat);
    return seat;
  }

  /** Leaves the queue. `granted`: too late, the caller owns the place now. */
  leave(seat: Seat): 'left' | 'granted' {
    assert(this.#seats.delete(seat), 'a seat is left twice');
    const result = seat.table.cancel(seat.row, seat.ticket);
    this.#free.push(seat.ticket);
    return result;
  }

  /** After the doorbell rang: wakes every waiter whose ticket was granted. */
  wakeGranted(): void {
    for (const seat of this.#seats) {
      if (this.#board.state(seat.ticket) !== GRANTED) continue;
      this.#board.set(seat.ticket, FREE);
      this.#seats.delete(seat);
      this.#free.push(seat.ticket);
      seat.waiter.onGranted();
    }
  }
}

export type { Seat };
