/**
 * Answers the fronts' questions who a key is. Questions that come together, from any front, are one statement (`= any($1)`); a key
 * asked for by several fronts is asked for once, and what was found for one front is kept for the others. A key that is in nobody's
 * catalog is answered from a set of fingerprints. All of that holds as long as the notification channel keeps it true; without
 * the channel PostgreSQL is asked, and only when it does not answer is something younger than `staleMs` trusted.
 *
 *   ask ─► no such fingerprint: unknown
 *       ├► found before: answered
 *       └► collected for one turn of the loop ─► one statement ─► answered, kept
 *   change of a key ─► forgotten here; a statement that is under way is not joined any more, and not kept
 *
 * Users get their row in the shared tables here, when they are first seen. Primary only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NoPrincipal, Principal } from '#auth/principal.ts';
import { nowMs } from '#base/clock.ts';
import { LogBudget } from '#base/log-budget.ts';
import type { Logger } from '#base/logger.ts';
import type { RowTable } from '#coordinate/local/row-table.ts';
import type { PrincipalRow } from '#store/find-principals.ts';
import type { RowBalances, RowLimits } from './row-limits.ts';

/** What the desk needs of the store; both are one statement. */
export interface PrincipalStore {
  findPrincipals(keyHashes: string[]): Promise<PrincipalRow[]>;
  /** Null when there are too many to keep fingerprints of. */
  loadKeyHashes(keysMax: number): Promise<string[] | null>;
}

export interface PrincipalTables {
  rows: RowTable;
  limits: Pick<RowLimits, 'limit' | 'setLimit'>;
  balances: Pick<RowBalances, 'load'>;
}

export interface DeskLimits {
  keyCacheEntries: number;
  staleMs: number;
  /** With more keys than these, no fingerprints are kept. */
  keyFingerprints: number;
  /** Fronts stop waiting for an answer after this long. */
  lookupTimeoutMs: number;
}

export type AnswerFront = (front: number, keyHash: string, found: Principal | NoPrincipal) => void;

interface Found {
  readonly principal: Principal;
  readonly atMs: number;
}

const RETRY_PAUSE_MS = 100;

export class PrincipalDesk {
  readonly #store: PrincipalStore;
  readonly #tables: PrincipalTables;
  readonly #limits: DeskLimits;
  readonly #log: Logger;
  readonly #answer: AnswerFront;
  /** The notification channel keeps what is known true. */
  #live = false;
  /** 52-bit fingerprints of all key hashes; null when there are too many, or while they cannot be trusted. */
  #fingerprints: Set<number> | null = null;
  readonly #logBudget = new LogBudget(1);
  readonly #found = new Map<string, Found>();
  /** Key hash → fronts that wait for it: not yet asked for, and on its way. */
  #asked = new Map<string, number[]>();
  readonly #underWay = new Map<string, number[]>();
  #armed = false;
  #trustedSinceMs = 0;

  constructor(store: PrincipalStore, tables: PrincipalTables, limits: DeskLimits, log: Logger, answer: AnswerFront) {
    this.#store = store;
    this.#tables = tables;
    this.#limits = limits;
    this.#log = log;
    this.#answer = answer;
  }

  /** Loads the fingerprints; call it when the notification channel is live. */
  async learnKeys(): Promise<void> {
    this.distrust();
    const keyHashes = await this.#store.loadKeyHashes(this.#limits.keyFingerprints);
    this.#live = true;
    this.#fingerprints = keyHashes === null ? null : new Set(keyHashes.map(fingerprint));
  }

  /** The notification channel is lost: neither absence nor what was found can be told without asking. */
  distrust(): void {
    this.#live = false;
    this.#fingerprints = null;
  }

  /** The channel is back: what was found before may be old, and is used only if PostgreSQL does not answer. */
  renew(): void {
    this.#trustedSinceMs = nowMs();
    this.#underWay.clear();
  }

  /** Keys were made or changed, or what their principals are made of; an empty list stands for all. */
  forget(keyHashes: readonly string[]): void {
    if (keyHashes.length === 0) {
      this.#found.clear();
      this.#underWay.clear();
    }
    for (const keyHash of keyHashes) {
      this.#fingerprints?.add(fingerprint(keyHash));
      this.#found.delete(keyHash);
      this.#underWay.delete(keyHash);
    }
    if (this.#fingerprints !== null && this.#fingerprints.size > this.#limits.keyFingerprints)
      this.#fingerprints = null;
  }

  /** Their rows are about to be taken away: only a new statement leads to them again. */
  forgetUsers(userIds: readonly number[]): void {
    const gone = new Set(userIds);
    for (const [keyHash, { principal }] of this.#found) if (gone.has(principal.userId)) this.#found.delete(keyHash);
  }

  ask(front: number, keyHash: string): void {
    if (this.#live) {
      if (this.#fingerprints?.has(fingerprint(keyHash)) === false) return this.#answer(front, keyHash, 'unknown');
      const found = this.#found.get(keyHash);
      if (found !== undefined && found.atMs >= this.#trustedSinceMs) {
        this.#tables.rows.touch(found.principal.userId);
        return this.#answer(front, keyHash, found.principal);
      }
    }
    const waiting = this.#underWay.get(keyHash) ?? this.#asked.get(keyHash);
    if (waiting !== undefined) return void waiting.push(front);
    this.#asked.set(keyHash, [front]);
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => void this.#askStore());
  }

  async #askStore(): Promise<void> {
    const asked = this.#asked;
    this.#asked = new Map();
    this.#armed = false;
    for (const [keyHash, fronts] of asked) this.#underWay.set(keyHash, fronts);
    const { frees } = this.#tables.rows;
    const rows = await this.#findRows(asked);
    for (const [keyHash, fronts] of asked) {
      // Changed meanwhile: this answer may be the old state, so it is given to those who waited and to nobody after.
      const current = this.#underWay.get(keyHash) === fronts;
      if (current) this.#underWay.delete(keyHash);
      const row = rows?.get(keyHash);
      // A balance from before its user's row was taken away may be too high by now.
      if (row !== undefined && frees !== this.#tables.rows.frees && this.#tables.rows.find(row.userId) === undefined) {
        for (const front of fronts) this.ask(front, keyHash);
        continue;
      }
      const answer = rows === null ? this.#stale(keyHash) : this.#identify(row, current);
      for (const front of fronts) this.#answer(front, keyHash, answer);
    }
  }

  /**
   * Tries for as long as a front waits, because a PostgreSQL that restarts refuses for a moment; null when it does not answer. Who asks for
   * a key that was found before gets that after the first refusal.
   */
  async #findRows(asked: ReadonlyMap<string, number[]>): Promise<Map<string, PrincipalRow> | null> {
    const keyHashes = [...asked.keys()];
    const until = nowMs() + this.#limits.lookupTimeoutMs - RETRY_PAUSE_MS;
    for (;;) {
      try {
        const rows = await this.#store.findPrincipals(keyHashes);
        return new Map(rows.map((row) => [row.keyHash, row]));
      } catch (error) {
        for (const [keyHash, fronts] of asked) this.#answerStale(keyHash, fronts);
        const isAwaited = [...asked.values()].some((fronts) => fronts.length > 0);
        if (isAwaited && nowMs() < until) {
          await sleep(RETRY_PAUSE_MS);
          continue;
        }
        this.#log.warn({ error: (error as Error).message, keys: keyHashes.length }, 'keys could not be looked up');
        return null;
      }
    }
  }

  #answerStale(keyHash: string, fronts: number[]): void {
    const stale = this.#stale(keyHash);
    if (stale === 'unavailable') return;
    for (const front of fronts.splice(0)) this.#answer(front, keyHash, stale);
  }

  #stale(keyHash: string): Principal | 'unavailable' {
    const found = this.#found.get(keyHash);
    return found !== undefined && nowMs() - found.atMs < this.#limits.staleMs ? found.principal : 'unavailable';
  }

  /** Gives the user a row. */
  #identify(row: PrincipalRow | undefined, keep: boolean): Principal | NoPrincipal {
    if (row === undefined) return 'unknown';
    const { rows, limits, balances } = this.#tables;
    const { concurrency, balanceNanoUsd, ...rest } = row;
    const seat = rows.assign(row.userId);
    if (seat === null) {
      if (this.#logBudget.take()) this.#log.error({ users: rows.size }, 'the table of users is full (limits.users)');
      return 'full';
    }
    if (seat.fresh) balances.load(seat.row, balanceNanoUsd);
    if (limits.limit(seat.row) !== concurrency) limits.setLimit(seat.row, concurrency);
    const principal = { ...rest, userRow: seat.row, userGeneration: seat.generation };
    if (keep) this.#keep(principal);
    return principal;
  }

  #keep(principal: Principal): void {
    this.#found.delete(principal.keyHash);
    if (this.#found.size >= this.#limits.keyCacheEntries) {
      const oldest = this.#found.keys().next();
      if (!oldest.done) this.#found.delete(oldest.value);
    }
    this.#found.set(principal.keyHash, { principal, atMs: nowMs() });
  }
}

/** The first 52 bits of the hash: two of a million keys meet with a chance of 1 in 9,000, which costs one statement. */
function fingerprint(keyHash: string): number {
  return Number.parseInt(keyHash.slice(0, 13), 16);
}
