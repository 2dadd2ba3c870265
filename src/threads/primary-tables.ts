/** Primary's hands on the shared tables: rows of users and accounts, limits, ledger, health. Primary only. */
import type { Config } from '#config/schema.ts';
import { AccountHealth } from '#coordinate/local/account-health.ts';
import { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { Ledger } from '#coordinate/local/ledger.ts';
import { RowTable } from '#coordinate/local/row-table.ts';
import { SlotTable } from '#coordinate/local/slot-table.ts';
import { TicketBoard } from '#coordinate/local/ticket-board.ts';
import type { SharedBlocks } from './protocol.ts';
import { slotShapes } from './shared-blocks.ts';

/** Primary takes no places; its index only has to be a valid one. */
const NO_FRONT = 0;

export class PrimaryTables {
  readonly users: { rows: RowTable; slots: SlotTable; ledger: Ledger };
  readonly accounts: { rows: RowTable; slots: SlotTable; health: AccountHealth };
  readonly bodyBudget: ByteBudget;
  readonly streamBudget: ByteBudget;

  constructor(config: Config, shared: SharedBlocks) {
    const { limits } = config;
    const shapes = slotShapes(config, shared.usageRings.length);
    const board = new TicketBoard(shared.tickets, limits.exchangesPerFront);
    const bells = new Doorbells(shared.doorbells);
    this.users = {
      rows: new RowTable(limits.users),
      slots: new SlotTable(shared.userSlots, shapes.users, NO_FRONT, board, bells),
      ledger: new Ledger(shared.ledger),
    };
    this.accounts = {
      rows: new RowTable(limits.accounts),
      slots: new SlotTable(shared.accountSlots, shapes.accounts, NO_FRONT, board, bells),
      health: new AccountHealth(shared.accountHealth, limits.accounts),
    };
    this.bodyBudget = new ByteBudget(shared.bodyBudget, limits.bodyBytesTotal);
    this.streamBudget = new ByteBudget(shared.streamBudget, limits.streamBytesTotal);
  }

  /** Places in use and exchanges waiting, summed over all rows in use. */
  occupancy(kind: 'users' | 'accounts'): { inUse: number; waiting: number } {
    const { rows, slots } = this[kind];
    let inUse = 0;
    let waiting = 0;
    for (let row = 0; row < rows.size; row++) {
      inUse += slots.inUse(row);
      waiting += slots.waiting(row);
    }
    return { inUse, waiting };
  }
}
