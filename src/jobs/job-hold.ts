/**
 * What one media job holds in the shared tables, in the name of the jobs: its user's place, an account's place, the user's money. Each goes
 * back once. Primary only.
 */
import type { JobRow } from '#store/job-row.ts';
import type { JobTables } from './job-tools.ts';

export class JobHold {
  readonly #tables: JobTables;
  readonly #userRow: number;
  readonly #nanoUsd: bigint;
  #accountRow: number;
  #places = true;
  #money = true;

  /** All three are held already. */
  constructor(tables: JobTables, { userId, accountId, chargedNanoUsd }: JobRow) {
    this.#tables = tables;
    this.#userRow = tables.userRow(userId)!;
    this.#nanoUsd = chargedNanoUsd;
    this.#accountRow = tables.accountRow(accountId) ?? -1;
  }

  /** −1: of an account that is in the catalog no more. */
  get accountRow(): number {
    return this.#accountRow;
  }

  /** Another account's place instead, if one is free. */
  moveTo(accountRow: number): boolean {
    const { accountSlots } = this.#tables;
    if (!accountSlots.tryTake(accountRow)) return false;
    if (this.#accountRow >= 0) accountSlots.release(this.#accountRow);
    this.#accountRow = accountRow;
    return true;
  }

  /** The upstream has ended. */
  givePlacesBack(): void {
    if (!this.#places) return;
    this.#places = false;
    this.#tables.userSlots.release(this.#userRow);
    if (this.#accountRow >= 0) this.#tables.accountSlots.release(this.#accountRow);
  }

  /** `charged`: it is off the balance now. */
  freeMoney(charged: boolean): void {
    if (!this.#money) return;
    this.#money = false;
    if (charged) this.#tables.committed(this.#userRow, this.#nanoUsd);
    this.#tables.ledger.free(this.#userRow, this.#nanoUsd);
  }
}
