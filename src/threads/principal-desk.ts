/**
 * Answers the fronts' questions who a key is. Questions that come together, from any front, are one statement (`= any($1)`); a key
 * asked for by several fronts is asked for once. A key that is in nobody's catalog is answered from a set of fingerprints without
 * a statement, as long as the notification channel keeps that set true: guessing keys never reaches PostgreSQL.
 *
 * Users get their row in the shared tables here, when they are first seen. Primary only.
 */
import type { NoPrincipal, Principal } from '#auth/principal.ts';
import type { Logger } from '#base/logger.ts';
import type { Ledger } from '#coordinate/local/ledger.ts';
import type { RowTable } from '#coordinate/local/row-table.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { PrincipalRow } from '#store/find-principals.ts';

/** What the desk needs of the store; both are one statement. */
export interface PrincipalStore {
  findPrincipals(keyHashes: string[]): Promise<PrincipalRow[]>;
  loadKeyHashes(): Promise<string[]>;
}

export type AnswerFront = (front: number, keyHash: string, found: Principal | NoPrincipal) => void;

export class PrincipalDesk {
  readonly #store: PrincipalStore;
  readonly #rows: RowTable;
  readonly #slots: SlotTable;
  readonly #ledger: Ledger;
  readonly #log: Logger;
  readonly #answer: AnswerFront;
  /** 52-bit fingerprints of all key hashes; null while they cannot be trusted. */
  #known: Set<number> | null = null;
  /** Key hash → fronts that wait for it, not yet asked for. */
  #asked = new Map<string, number[]>();
  #armed = false;

  constructor(
    store: PrincipalStore,
    tables: { rows: RowTable; slots: SlotTable; ledger: Ledger },
    log: Logger,
    answer: AnswerFront,
  ) {
    this.#store = store;
    this.#rows = tables.rows;
    this.#slots = tables.slots;
    this.#ledger = tables.ledger;
    this.#log = log;
    this.#answer = answer;
  }

  /** Loads the fingerprints; call it when the notification channel is live. */
  async learnKeys(): Promise<void> {
    const known = new Set<number>();
    this.#known = null;
    for (const keyHash of await this.#store.loadKeyHashes()) known.add(fingerprint(keyHash));
    this.#known = known;
  }

  /** The notification channel is lost: absence can no longer be told without asking. */
  distrust(): void {
    this.#known = null;
  }

  /** A key was made or changed. */
  noteKeys(keyHashes: readonly string[]): void {
    for (const keyHash of keyHashes) this.#known?.add(fingerprint(keyHash));
  }

  ask(front: number, keyHash: string): void {
    if (this.#known !== null && !this.#known.has(fingerprint(keyHash))) return this.#answer(front, keyHash, 'unknown');
    const fronts = this.#asked.get(keyHash);
    if (fronts !== undefined) return void fronts.push(front);
    this.#asked.set(keyHash, [front]);
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => void this.#askStore());
  }

  async #askStore(): Promise<void> {
    const asked = this.#asked;
    this.#asked = new Map();
    this.#armed = false;
    let found: Map<string, PrincipalRow> | null = null;
    try {
      const rows = await this.#store.findPrincipals([...asked.keys()]);
      found = new Map(rows.map((row) => [row.keyHash, row]));
    } catch (error) {
      this.#log.warn({ error: (error as Error).message, keys: asked.size }, 'keys could not be looked up');
    }
    for (const [keyHash, fronts] of asked) {
      const answer = found === null ? 'unavailable' : this.#identify(found.get(keyHash));
      for (const front of fronts) this.#answer(front, keyHash, answer);
    }
  }

  /** Gives the user a row. */
  #identify(row: PrincipalRow | undefined): Principal | NoPrincipal {
    if (row === undefined) return 'unknown';
    const { concurrency, balanceNanoUsd, ...rest } = row;
    const seat = this.#rows.assign(row.userId);
    if (seat === null) {
      this.#log.error({ users: this.#rows.size }, 'the table of users is full (limits.users)');
      return 'full';
    }
    if (seat.fresh) this.#ledger.load(seat.row, balanceNanoUsd);
    if (this.#slots.limit(seat.row) !== concurrency) this.#slots.setLimit(seat.row, concurrency);
    return { ...rest, userRow: seat.row };
  }
}

/** The first 52 bits of the hash: two of a million keys meet with a chance of 1 in 9,000, which costs one statement. */
function fingerprint(keyHash: string): number {
  return Number.parseInt(keyHash.slice(0, 13), 16);
}
