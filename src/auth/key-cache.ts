/**
 * A front's cache of resolved keys. A hit costs one Map look-up; a miss asks primary once per key however many requests wait for it
 * (single flight), while their bodies arrive. Unknown keys are remembered too, in a bounded map of their own, so that neither
 * guessing keys nor repeating a wrong one grows memory or reaches PostgreSQL.
 *
 * Primary invalidates entries at once when the catalog changes. One older than `keyTtlMs` is still used while it is asked for again
 * in the background, so no request waits for PostgreSQL because of its age, and PostgreSQL away does not stop the service. One older
 * than `staleMs`, which only a lost database can cause, is no longer trusted.
 *
 * Front thread only.
 */
import { compileIpRules, type IpRules } from './ip-rules.ts';
import type { NoPrincipal, Principal } from './principal.ts';

export interface KeyEntry {
  readonly principal: Principal;
  readonly ipRules: IpRules | null;
  readonly loadedAtMs: number;
  /** From when on it is asked for again in the background. */
  refreshAtMs: number;
}

export type KeyAnswer = KeyEntry | NoPrincipal;

export interface KeyCacheLimits {
  keyCacheEntries: number;
  negativeKeyEntries: number;
  keyTtlMs: number;
  negativeTtlMs: number;
  staleMs: number;
  lookupTimeoutMs: number;
  lookupsPending: number;
}

interface Pending {
  readonly askedAtMs: number;
  readonly waiters: ((answer: KeyAnswer) => void)[];
  /** An entry that may still be used when primary cannot answer; an invalidation takes it away. */
  stale: KeyEntry | null;
}

export class KeyCache {
  readonly #limits: KeyCacheLimits;
  readonly #ask: (keyHash: string) => void;
  readonly #known = new Map<string, KeyEntry>();
  /** Key hash → when its absence was learnt. */
  readonly #unknown = new Map<string, number>();
  readonly #pending = new Map<string, Pending>();

  constructor(limits: KeyCacheLimits, ask: (keyHash: string) => void) {
    this.#limits = limits;
    this.#ask = ask;
  }

  /** What is known without asking; null: `load` must ask. */
  peek(keyHash: string, now: number): KeyAnswer | null {
    const entry = this.#known.get(keyHash);
    if (entry !== undefined) {
      if (now - entry.loadedAtMs >= this.#limits.staleMs) return null;
      if (now >= entry.refreshAtMs && !this.#pending.has(keyHash)) this.load(keyHash, now, ignore);
      return entry;
    }
    const learntAt = this.#unknown.get(keyHash);
    if (learntAt === undefined) return null;
    if (now - learntAt < this.#limits.negativeTtlMs) return 'unknown';
    this.#unknown.delete(keyHash);
    return null;
  }

  /** Asks primary, joining a question that is already on its way. `onAnswer` is called exactly once, never synchronously. */
  load(keyHash: string, now: number, onAnswer: (answer: KeyAnswer) => void): boolean {
    const pending = this.#pending.get(keyHash);
    if (pending !== undefined) {
      pending.waiters.push(onAnswer);
      return true;
    }
    if (this.#pending.size >= this.#limits.lookupsPending) return false;
    const stale = this.#known.get(keyHash) ?? null;
    this.#pending.set(keyHash, { askedAtMs: now, waiters: [onAnswer], stale });
    this.#ask(keyHash);
    return true;
  }

  /** Primary's answer. */
  answer(keyHash: string, found: Principal | NoPrincipal, now: number): void {
    const pending = this.#pending.get(keyHash);
    this.#pending.delete(keyHash);
    if (found === 'unavailable') return this.#settle(pending, now);
    this.#known.delete(keyHash);
    this.#unknown.delete(keyHash);
    const answer = typeof found === 'string' ? found : this.#remember(keyHash, found, now);
    if (found === 'unknown') remember(this.#unknown, keyHash, now, this.#limits.negativeKeyEntries);
    for (const waiter of pending?.waiters ?? []) waiter(answer);
  }

  /** Forgets keys, or everything when the list is empty. A question on its way is asked again: its answer may be older. */
  invalidate(keyHashes: readonly string[]): void {
    if (keyHashes.length === 0) {
      this.#known.clear();
      this.#unknown.clear();
    }
    for (const keyHash of keyHashes) {
      this.#known.delete(keyHash);
      this.#unknown.delete(keyHash);
    }
    for (const keyHash of keyHashes.length === 0 ? this.#pending.keys() : keyHashes) {
      const pending = this.#pending.get(keyHash);
      if (pending === undefined) continue;
      pending.stale = null;
      this.#ask(keyHash);
    }
  }

  /** Forgets every key whose user has one of these rows; questions on their way bring what primary then says. */
  dropRows(rows: ReadonlySet<number>): void {
    for (const [keyHash, entry] of this.#known) if (rows.has(entry.principal.userRow)) this.#known.delete(keyHash);
    for (const pending of this.#pending.values())
      if (pending.stale !== null && rows.has(pending.stale.principal.userRow)) pending.stale = null;
  }

  /** Ends questions that primary did not answer in time. */
  sweep(now: number): void {
    for (const [keyHash, pending] of this.#pending) {
      if (now - pending.askedAtMs < this.#limits.lookupTimeoutMs) return;
      this.#pending.delete(keyHash);
      this.#settle(pending, now);
    }
  }

  get size(): number {
    return this.#known.size;
  }

  #remember(keyHash: string, principal: Principal, now: number): KeyEntry {
    const ipRules = compileIpRules(principal.ipAllow, principal.ipDeny);
    const entry = { principal, ipRules, loadedAtMs: now, refreshAtMs: now + this.#limits.keyTtlMs };
    remember(this.#known, keyHash, entry, this.#limits.keyCacheEntries);
    return entry;
  }

  #settle(pending: Pending | undefined, now: number): void {
    if (pending === undefined) return;
    const { stale } = pending;
    const usable = stale !== null && now - stale.loadedAtMs < this.#limits.staleMs;
    // A refresh that failed is tried again with the next request, but not with every request.
    if (usable) stale.refreshAtMs = now + this.#limits.lookupTimeoutMs;
    for (const waiter of pending.waiters) waiter(usable ? stale : 'unavailable');
  }
}

/** A refresh has nobody waiting for it. */
function ignore(): void {}

/** Inserts, dropping the oldest insertion when full. */
function remember<V>(map: Map<string, V>, key: string, value: V, entriesMax: number): void {
  if (map.size >= entriesMax) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}
