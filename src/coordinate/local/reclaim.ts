/**
 * Undoes what an owner that is gone (a front's ended thread, an earlier process) still had: one sweep over its cells.
 *
 *   tickets  WAITING ─► CANCELLED    nothing is handed to it any more
 *   places   its cells leave the queues, its places go to those who wait (a GRANTED ticket is a place like any other)
 *   tickets  ─► FREE                 its successor begins with an empty waiting room
 *   money    reservations freed      what it had settled stays charged
 *   bytes    bodies, waiting answers
 *
 * The order matters only between tickets and places. The owner must really be gone: its thread has ended, or its process has.
 * Primary only; milliseconds for tens of thousands of rows.
 */
import type { ByteBudget } from './byte-budget.ts';
import type { Ledger } from './ledger.ts';
import type { SlotTable } from './slot-table.ts';
import type { TicketBoard } from './ticket-board.ts';

export interface OwnedTables {
  readonly board: TicketBoard;
  readonly userSlots: SlotTable;
  readonly accountSlots: SlotTable;
  readonly ledger: Ledger;
  readonly bodyBudget: ByteBudget;
  readonly streamBudget: ByteBudget;
}

/** What an owner had left over; all zero when it had settled everything itself. */
export interface Reclaimed {
  tickets: number;
  userPlaces: number;
  accountPlaces: number;
  nanoUsd: bigint;
  bodyBytes: number;
  streamBytes: number;
}

export function reclaimFront(tables: OwnedTables, front: number): Reclaimed {
  const tickets = tables.board.cancelAll(front);
  const left = reclaimOwner(tables, front);
  tables.board.freeAll(front);
  return { ...left, tickets };
}

/** For an owner without tickets: the predecessor. */
export function reclaimOwner(tables: OwnedTables, owner: number): Reclaimed {
  return {
    tickets: 0,
    userPlaces: tables.userSlots.reclaim(owner),
    accountPlaces: tables.accountSlots.reclaim(owner),
    nanoUsd: tables.ledger.reclaim(owner),
    bodyBytes: tables.bodyBudget.reclaim(owner),
    streamBytes: tables.streamBudget.reclaim(owner),
  };
}

export function isNothing(left: Reclaimed): boolean {
  return Object.values(left).every((amount) => Number(amount) === 0);
}
