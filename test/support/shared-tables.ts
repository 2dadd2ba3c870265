/** Shared tables of a small gateway for tests: 3 fronts, few rows. */
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { Doorbells, doorbellBytes } from '#coordinate/local/doorbells.ts';
import { Ledger, type LedgerShape, ledgerBytes } from '#coordinate/local/ledger.ts';
import { ownerCount, predecessorOwner } from '#coordinate/local/owners.ts';
import type { OwnedTables } from '#coordinate/local/reclaim.ts';
import { SlotTable, type SlotTableShape, slotTableBytes } from '#coordinate/local/slot-table.ts';
import { TicketBoard, ticketBoardBytes } from '#coordinate/local/ticket-board.ts';
import { WaitingRoom } from '#coordinate/local/waiting-room.ts';

export const FRONTS = 3;
export const TICKETS_PER_FRONT = 64;
export const OWNERS = ownerCount(FRONTS);
export const PREDECESSOR = predecessorOwner(FRONTS);

export interface TableBlocks {
  slots: SharedArrayBuffer;
  tickets: SharedArrayBuffer;
  bells: SharedArrayBuffer;
  shape: SlotTableShape;
}

export function makeBlocks(rows: number, queueMax: number): TableBlocks {
  const shape = { rows, owners: OWNERS, queueMax };
  return {
    slots: new SharedArrayBuffer(slotTableBytes(shape)),
    tickets: new SharedArrayBuffer(ticketBoardBytes(FRONTS, TICKETS_PER_FRONT)),
    bells: new SharedArrayBuffer(doorbellBytes(FRONTS)),
    shape,
  };
}

export interface FrontTables {
  table: SlotTable;
  room: WaitingRoom;
  bells: Doorbells;
}

export function openBlocks(blocks: TableBlocks, front: number): FrontTables {
  const board = new TicketBoard(blocks.tickets, TICKETS_PER_FRONT);
  const bells = new Doorbells(blocks.bells);
  return {
    table: new SlotTable(blocks.slots, blocks.shape, front, board, bells),
    room: new WaitingRoom(board, front),
    bells,
  };
}

/** Everything that has owners: slot tables of users and accounts, ledger, two budgets. */
export interface OwnedBlocks {
  users: TableBlocks;
  accountSlots: SharedArrayBuffer;
  ledger: SharedArrayBuffer;
  ledgerShape: LedgerShape;
  bodies: SharedArrayBuffer;
  streams: SharedArrayBuffer;
  budgetBytes: number;
}

export function makeOwnedBlocks(rows: number, queueMax: number, budgetBytes: number): OwnedBlocks {
  const users = makeBlocks(rows, queueMax);
  const ledgerShape = { rows, owners: OWNERS };
  return {
    users,
    accountSlots: new SharedArrayBuffer(slotTableBytes(users.shape)),
    ledger: new SharedArrayBuffer(ledgerBytes(ledgerShape)),
    ledgerShape,
    bodies: new SharedArrayBuffer(byteBudgetBytes(OWNERS)),
    streams: new SharedArrayBuffer(byteBudgetBytes(OWNERS)),
    budgetBytes,
  };
}

/** The tables as one owner works with them; `room` only for fronts. */
export function openOwned(blocks: OwnedBlocks, owner: number): OwnedTables & { room: WaitingRoom } {
  const board = new TicketBoard(blocks.users.tickets, TICKETS_PER_FRONT);
  const bells = new Doorbells(blocks.users.bells);
  const { shape } = blocks.users;
  return {
    board,
    room: new WaitingRoom(board, owner),
    userSlots: new SlotTable(blocks.users.slots, shape, owner, board, bells),
    accountSlots: new SlotTable(blocks.accountSlots, shape, owner, board, bells),
    ledger: new Ledger(blocks.ledger, blocks.ledgerShape, owner),
    bodyBudget: new ByteBudget(blocks.bodies, blocks.budgetBytes, owner),
    streamBudget: new ByteBudget(blocks.streams, blocks.budgetBytes, owner),
  };
}
