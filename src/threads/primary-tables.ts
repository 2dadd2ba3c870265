/** Primary's hands on the shared tables: rows of users and accounts, limits, ledger, health. Primary only. */
import type { Config } from '#config/schema.ts';
import { AccountHealth } from '#coordinate/local/account-health.ts';
import { AffinityTable } from '#coordinate/local/affinity-table.ts';
import { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { HandoverWord } from '#coordinate/local/handover-word.ts';
import { Ledger } from '#coordinate/local/ledger.ts';
import { jobsOwner, predecessorOwner } from '#coordinate/local/owners.ts';
import { type Reclaimed, reclaimFront } from '#coordinate/local/reclaim.ts';
import { RowGenerations } from '#coordinate/local/row-generations.ts';
import { RowTable } from '#coordinate/local/row-table.ts';
import { SlotTable } from '#coordinate/local/slot-table.ts';
import { TicketBoard } from '#coordinate/local/ticket-board.ts';
import type { SharedBlocks } from './protocol.ts';
import { RowBalances, RowLimits } from './row-limits.ts';
import { tableShapes } from './shared-blocks.ts';

export class PrimaryTables {
  readonly users: { rows: RowTable; slots: SlotTable; ledger: Ledger; limits: RowLimits; balances: RowBalances };
  readonly accounts: { rows: RowTable; slots: SlotTable; health: AccountHealth; limits: RowLimits };
  readonly affinity: AffinityTable;
  /** The same tables in the name of media jobs. */
  readonly jobs: { userSlots: SlotTable; accountSlots: SlotTable; ledger: Ledger };
  /** Set while another process has taken over. */
  readonly handedOver: HandoverWord;
  /** The predecessor's index among the owners, which primary writes. */
  readonly owner: number;
  readonly board: TicketBoard;
  readonly bodyBudget: ByteBudget;
  readonly streamBudget: ByteBudget;

  constructor(config: Config, shared: SharedBlocks) {
    const { limits } = config;
    const fronts = shared.usageRings.length;
    const shapes = tableShapes(config, fronts);
    const owner = predecessorOwner(fronts);
    this.owner = owner;
    const board = new TicketBoard(shared.tickets, limits.exchangesPerFront);
    this.board = board;
    const bells = new Doorbells(shared.doorbells);
    const userSlots = new SlotTable(shared.userSlots, shapes.userSlots, owner, board, bells);
    const accountSlots = new SlotTable(shared.accountSlots, shapes.accountSlots, owner, board, bells);
    const ledger = new Ledger(shared.ledger, shapes.ledger, owner);
    this.users = {
      rows: new RowTable(limits.users, new RowGenerations(shared.userGenerations)),
      slots: userSlots,
      ledger,
      limits: new RowLimits(userSlots),
      balances: new RowBalances(ledger),
    };
    this.accounts = {
      rows: new RowTable(limits.accounts, new RowGenerations(shared.accountGenerations)),
      slots: accountSlots,
      health: new AccountHealth(shared.accountHealth, limits.accounts),
      limits: new RowLimits(accountSlots),
    };
    this.affinity = new AffinityTable(shared.affinity, config.schedule.affinityEntries);
    const jobs = jobsOwner(fronts);
    this.jobs = {
      userSlots: new SlotTable(shared.userSlots, shapes.userSlots, jobs, board, bells),
      accountSlots: new SlotTable(shared.accountSlots, shapes.accountSlots, jobs, board, bells),
      ledger: new Ledger(shared.ledger, shapes.ledger, jobs),
    };
    this.handedOver = new HandoverWord(shared.handover);
    this.bodyBudget = new ByteBudget(shared.bodyBudget, limits.bodyBytesTotal, owner);
    this.streamBudget = new ByteBudget(shared.streamBudget, limits.streamBytesTotal, owner);
  }

  /** No place, no ticket, no reservation, nothing settled that is not committed; nobody, while another process goes by these rows. */
  isIdle(kind: 'users' | 'accounts', row: number): boolean {
    if (this.handedOver.set) return false;
    const { ledger } = this.users;
    if (this[kind].slots.demand(row) !== 0) return false;
    return kind === 'accounts' || (ledger.reserved(row) === 0n && ledger.unflushed(row) === 0n);
  }

  /** A row without an owner gives out nothing. */
  clear(kind: 'users' | 'accounts', row: number): void {
    this[kind].limits.setLimit(row, 0);
    this[kind].slots.lend(row, 0);
    if (kind === 'users') this.users.balances.load(row, 0n);
    else this.accounts.health.forget(row);
  }

  /** A front's thread has ended: whatever it still held goes back, to those who wait if somebody does. */
  reclaim(front: number): Reclaimed {
    const { board, bodyBudget, streamBudget } = this;
    const { slots: userSlots, ledger } = this.users;
    const owned = { board, userSlots, accountSlots: this.accounts.slots, ledger, bodyBudget, streamBudget };
    return reclaimFront(owned, front);
  }

  /** Places in use and exchanges waiting, summed over all rows in use. */
  occupancy(kind: 'users' | 'accounts'): { inUse: number; waiting: number } {
    const { rows, slots } = this[kind];
    let inUse = 0;
    let waiting = 0;
    for (let row = 0; row < rows.made; row++) {
      inUse += slots.inUse(row);
      waiting += slots.waiting(row);
    }
    return { inUse, waiting };
  }
}
