/** Shared tables of a small gateway for tests: 3 fronts, few rows. */
import { Doorbells, doorbellBytes } from '#coordinate/local/doorbells.ts';
import { ownerCount } from '#coordinate/local/owners.ts';
import { SlotTable, type SlotTableShape, slotTableBytes } from '#coordinate/local/slot-table.ts';
import { TicketBoard, ticketBoardBytes } from '#coordinate/local/ticket-board.ts';
import { WaitingRoom } from '#coordinate/local/waiting-room.ts';

export const FRONTS = 3;
export const TICKETS_PER_FRONT = 64;

export interface TableBlocks {
  slots: SharedArrayBuffer;
  tickets: SharedArrayBuffer;
  bells: SharedArrayBuffer;
  shape: SlotTableShape;
}

export function makeBlocks(rows: number, queueMax: number): TableBlocks {
  const shape = { rows, owners: ownerCount(FRONTS), queueMax };
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
