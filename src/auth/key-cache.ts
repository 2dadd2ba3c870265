/**
 * A front's cache of resolved keys. A hit costs one Map look-up; a miss asks primary once per key however many requests wait for it
 * (single flight), while their bodies arrive. Unknown keys are remembered too, in a bounded map of their own, so that neither
 * guessing keys nor repeating a wrong one grows memory or reaches PostgreSQL.
 *
 * Entries live `keyTtlMs`; primary invalidates them at once when the catalog changes. While the notification channel is lost,
 * entries go on being trusted up to `staleMs` (PostgreSQL away must not stop the service), then they are asked for again.
 *
 * Front thread only.
 */
import { compileIpRules, type IpRules } from './ip-rules.ts';
import type { Principal } from './principal.ts';

export interface KeyEntry {
  readonly principal: Principal;
  readonly ipRules: IpRules | null;
  loadedAtMs: number;
}

/** `unknown`: there is no such key. `unavailable`: it could not be found out. */
export type KeyAnswer = KeyEntry | 'unknown' | 'unavailable';

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
  #live = true;

  constructor(limits: KeyCacheLimits, ask: (keyHash: string) => void) {
    this.#limits = limits;
    this.#ask = ask;
  }

  /** What is known without asking; null: `load` must ask. */
  peek(keyHash: string, now: number): KeyAnswer | null {
    const entry = this.#known.get(keyHash);
    if (entry !== undefined) {
      const ttl = this.#live ? this.#limits.keyTtlMs : this.#limits.staleMs;
      return now - entry.loadedAtMs < ttl ? entry : null;
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
  answer(keyHash: string, principal: Principal | null, failed: boolean, now: number): void {
    const pending = this.#pending.get(keyHash);
    this.#pending.delete(keyHash);
    if (failed) return this.#settle(pending, now);
    this.#known.delete(keyHash);
    this.#unknown.delete(keyHash);
    if (principal === null) {
      remember(this.#unknown, keyHash, now, this.#limits.negativeKeyEntries);
      for (const waiter of pending?.waiters ?? []) waiter('unknown');
      return;
    }
    const entry = { principal, ipRules: compileIpRules(principal.ipAllow, principal.ipDeny), loadedAtMs: now };
    remember(this.#known, keyHash, entry, this.#limits.keyCacheEntries);
    for (const waiter of pending?.waiters ?? []) waiter(entry);
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

  setLive(live: boolean): void {
    this.#live = live;
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

  #settle(pending: Pending | undefined, now: number): void {
    if (pending === undefined) return;
    const { stale } = pending;
    const usable = stale !== null && now - stale.loadedAtMs < this.#limits.staleMs;
    for (const waiter of pending.waiters) waiter(usable ? stale : 'unavailable');
  }
}

/** Inserts, dropping the oldest insertion when full. */
function remember<V>(map: Map<string, V>, key: string, value: V, entriesMax: number): void {
  if (map.size >= entriesMax) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}
