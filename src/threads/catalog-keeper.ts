/**
 * Keeps the fronts' catalog true: loads it from PostgreSQL, gives accounts their rows, publishes numbered snapshots, and follows the
 * notifications of changes. A lost notification channel means a full reload when it is back, never silence. Primary only.
 */
import type { Logger } from '#base/logger.ts';
import { pack } from '#base/msgpack.ts';
import type { AccountHealth } from '#coordinate/local/account-health.ts';
import type { RowTable } from '#coordinate/local/row-table.ts';
import type { CatalogRows } from '#store/load-catalog.ts';
import type { PrimaryToFront, Snapshot, SnapshotAccount } from './protocol.ts';
import type { RowLimits } from './row-limits.ts';

/** Changes that come together are one reload. */
const SETTLE_MS = 20;
const RETRY_MS = 1000;

export class CatalogKeeper {
  readonly #load: () => Promise<CatalogRows>;
  readonly #rows: RowTable;
  readonly #limits: Pick<RowLimits, 'limit' | 'setLimit'>;
  readonly #health: AccountHealth;
  readonly #log: Logger;
  readonly #publish: (message: PrimaryToFront) => void;
  readonly #seen = new Map<number, string>();
  #listed: ReadonlyMap<number, SnapshotAccount> = new Map();
  #version = 0;
  #message: PrimaryToFront = { type: 'snapshot', version: 0, bytes: pack({ version: 0, groups: [], accounts: [] }) };
  #timer: NodeJS.Timeout | null = null;
  #loading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    load: () => Promise<CatalogRows>,
    tables: { rows: RowTable; limits: Pick<RowLimits, 'limit' | 'setLimit'>; health: AccountHealth },
    log: Logger,
    publish: (message: PrimaryToFront) => void,
  ) {
    this.#load = load;
    this.#rows = tables.rows;
    this.#limits = tables.limits;
    this.#health = tables.health;
    this.#log = log;
    this.#publish = publish;
  }

  /** The newest snapshot, for a front that starts. */
  get message(): PrimaryToFront {
    return this.#message;
  }

  /** The account is in the newest snapshot. */
  isListed(accountId: number): boolean {
    return this.#listed.has(accountId);
  }

  /** As the newest snapshot has it. */
  account(id: number): SnapshotAccount | undefined {
    return this.#listed.get(id);
  }

  get version(): number {
    return this.#version;
  }

  /** Loads and publishes; reloads never overlap. Rejects when PostgreSQL does not answer. */
  reload(): Promise<void> {
    const next = this.#loading.then(() => this.#reloadOnce());
    this.#loading = next.catch(() => {});
    return next;
  }

  /** Something changed: reloads soon, again and again while PostgreSQL does not answer. */
  reloadSoon(pauseMs = SETTLE_MS): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.reload().catch((error: Error) => {
        this.#log.warn({ error: error.message }, 'the catalog could not be loaded');
        this.reloadSoon(RETRY_MS);
      });
    }, pauseMs);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #reloadOnce(): Promise<void> {
    const rows = await this.#load();
    const version = ++this.#version;
    const accounts = rows.accounts.flatMap((account) => this.#seat(account));
    this.#listed = new Map(accounts.map((account) => [account.id, account]));
    for (const id of this.#seen.keys()) if (!this.#listed.has(id)) this.#seen.delete(id);
    const snapshot: Snapshot = { version, groups: rows.groups, accounts };
    this.#message = { type: 'snapshot', version, bytes: pack(snapshot) };
    this.#publish(this.#message);
  }

  /** Gives an account its row and limit; one whose upstream or key changed starts with a clean bill of health. */
  #seat(account: CatalogRows['accounts'][number]): SnapshotAccount[] {
    const seat = this.#rows.assign(account.id);
    if (seat === null) {
      this.#log.error({ account: account.name }, 'the table of accounts is full (limits.accounts)');
      return [];
    }
    if (this.#limits.limit(seat.row) !== account.concurrency) this.#limits.setLimit(seat.row, account.concurrency);
    const { platform, baseUrl, apiKey, status, ca, protocols, settings } = account;
    const mark = JSON.stringify([platform, baseUrl, apiKey, status, ca, protocols, settings]);
    if (this.#seen.get(account.id) !== mark) this.#health.forget(seat.row);
    this.#seen.set(account.id, mark);
    return [{ ...account, row: seat.row }];
  }
}
