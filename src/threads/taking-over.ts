/**
 * The new process's side of a reload: books what the old one has in use, as the predecessor's, before anything listens here; takes
 * back what it returns, lends what it asks for, and forgets it when it has ended.
 *
 *   begin(handover) ─► places taken, also above a limit that is lower now; money set aside; accounts that rest go on resting
 *   returned ─► places to the waiters here, money to the balance            borrow ─► booked if it is free ─► lent
 *   ended    ─► all its places; its money once its journal is in PostgreSQL and the balances have been read anew
 *
 * Until then the balance here may already lack what the predecessor's batches took off it, with the money still set aside: too
 * much is refused for a while, never too much admitted. Primary only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#base/logger.ts';
import { StartupError } from '#base/startup-error.ts';
import type { RowTable } from '#coordinate/local/row-table.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { UserLimits } from '#store/load-user-limits.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { Handover, Holdings, PeerMessage } from './protocol.ts';
import { seatUsers } from './seat-users.ts';

const RETRY_MS = 1000;
const REFRESH_ATTEMPTS = 20;

export interface TakingOverExits {
  loadUsers(userIds: number[]): Promise<UserLimits[]>;
  send(message: PeerMessage): void;
  log: Logger;
}

export class TakingOver {
  readonly #tables: PrimaryTables;
  readonly #owner: number;
  readonly #exits: TakingOverExits;
  #over = false;
  /** What the predecessor said before everything was booked: what it returns must have been taken first. */
  #early: PeerMessage[] | null = [];

  constructor(tables: PrimaryTables, exits: TakingOverExits) {
    this.#tables = tables;
    this.#owner = tables.owner;
    this.#exits = exits;
  }

  /** Throws StartupError when the tables here are too small for it: then this process must not serve. */
  async begin(handover: Handover): Promise<void> {
    const { users, accounts } = this.#tables;
    await this.#seat(handover.users.map(({ id }) => id));
    for (const { id, places, nanoUsd } of handover.users) {
      const row = rowOf(users.rows, id, 'limits.users');
      if (places > 0) users.slots.hold(row, places);
      users.ledger.setAside(row, nanoUsd);
    }
    for (const { id, places } of handover.accounts)
      accounts.slots.hold(rowOf(accounts.rows, id, 'limits.accounts'), places);
    for (const { accountId, modelHash, leftMs, reason } of handover.rests) {
      const row = accounts.rows.find(accountId)?.row;
      if (row === undefined) continue;
      if (modelHash === null) accounts.health.rest(row, leftMs, reason);
      else accounts.health.restModel(row, modelHash, leftMs, reason);
    }
    if (handover.affinity !== undefined) this.#tables.affinity.adopt(handover.affinity);
    const early = this.#early ?? [];
    this.#early = null;
    for (const message of early) this.receive(message);
  }

  receive(message: PeerMessage): void {
    if (this.#early !== null) this.#early.push(message);
    else if (message.type === 'returned') this.#takeBack(message.holdings);
    else if (message.type === 'borrow') void this.#lend(message);
  }

  /** The predecessor's process is gone. `adopt` resolves once its journal is in PostgreSQL. */
  async ended(adopt: () => Promise<void>): Promise<void> {
    this.#over = true;
    const { users, accounts } = this.#tables;
    for (const table of [users, accounts]) {
      for (const [, row] of table.rows.entries()) {
        table.slots.lend(row, 0);
        const places = table.slots.held(this.#owner, row);
        if (places > 0) table.slots.takeBack(row, places);
      }
    }
    await this.#forever('the journal of the process before', adopt);
    await this.#forever('balances', () => this.#refreshBalances(false));
  }

  /** The process that had taken over from this one has failed: what it served is put into the books, then balances hold again. */
  async resumed(adopt: () => Promise<void>): Promise<void> {
    await this.#forever('the journal of the process that failed', adopt);
    await this.#forever('balances', () => this.#refreshBalances(true));
  }

  /**
   * Reads the balances of everybody for whom money is set aside, and gives that back. Once this process has handed over itself the
   * money stays set aside: its own successor may have read its balances before.
   */
  async #refreshBalances(everybody: boolean): Promise<void> {
    const { rows, ledger, balances } = this.#tables.users;
    let left = [...rows.entries()].filter(([, row]) => everybody || ledger.held(this.#owner, row) !== 0n);
    for (let attempt = 0; left.length > 0 && !this.#tables.handedOver.set; attempt++) {
      if (attempt === REFRESH_ATTEMPTS) throw new Error('batches are committed faster than balances are read');
      const commits = new Map(left.map(([id, row]) => [id, balances.commits(row)]));
      const found = await this.#exits.loadUsers(left.map(([id]) => id));
      if (this.#tables.handedOver.set) return;
      const fresh = new Map(found.map((user) => [user.userId, user.balanceNanoUsd]));
      left = left.filter(([id, row]) => {
        const balance = fresh.get(id);
        if (balance !== undefined && !balances.refresh(row, balance, commits.get(id)!)) return true;
        ledger.setAside(row, -ledger.held(this.#owner, row));
        return false;
      });
    }
  }

  async #seat(userIds: number[]): Promise<void> {
    await seatUsers(this.#tables.users, userIds, (ids) => this.#exits.loadUsers(ids));
  }

  #takeBack({ users, accounts }: Holdings): void {
    const { rows, slots, ledger } = this.#tables.users;
    for (const { id, places, nanoUsd } of users) {
      const row = rows.find(id)?.row;
      if (row === undefined) continue;
      if (places > 0) slots.takeBack(row, places);
      ledger.setAside(row, -nanoUsd);
    }
    for (const { id, places } of accounts) {
      const row = this.#tables.accounts.rows.find(id)?.row;
      if (row !== undefined) this.#tables.accounts.slots.takeBack(row, places);
    }
  }

  async #lend({ holdings, money }: Extract<PeerMessage, { type: 'borrow' }>): Promise<void> {
    const { users, accounts } = this.#tables;
    const userIds = [...holdings.users.map(({ id }) => id), ...money.map(({ userId }) => userId)];
    await this.#seat(userIds).catch((error: Error) =>
      this.#exits.log.warn({ error: error.message }, 'users of the process before could not be looked up'),
    );
    // Nobody is there any more who would give it back.
    if (this.#over) return;
    this.#exits.send({
      type: 'lent',
      holdings: {
        users: holdings.users.map(({ id, places }) => ({ id, places: lend(users, id, places), nanoUsd: 0n })),
        accounts: holdings.accounts.map(({ id, places }) => ({ id, places: lend(accounts, id, places) })),
      },
      money: money.map(({ id, userId, nanoUsd }) => {
        const row = users.rows.find(userId)?.row;
        return { id, granted: row !== undefined && users.ledger.reserve(row, nanoUsd) };
      }),
    });
  }

  /** PostgreSQL may be away for long; this process serves on meanwhile. */
  async #forever(what: string, act: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        this.#exits.log.warn({ error: (error as Error).message }, `${what}: not yet, trying again`);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}

function lend({ rows, slots }: { rows: RowTable; slots: SlotTable }, id: number, places: number): number {
  const row = rows.find(id)?.row;
  return row === undefined ? 0 : slots.lend(row, places);
}

function rowOf(rows: RowTable, id: number, key: string): number {
  const seat = rows.assign(id);
  if (seat === null) throw new StartupError(`${key}: smaller than what the process before has in use`);
  return seat.row;
}
