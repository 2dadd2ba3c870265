/**
 * One pool per upstream origin and certificate authority, made by use, closed when the catalog no longer names it. Front thread
 * only.
 */
import type { CounterRow } from '#meter/counters.ts';
import { BusyConnections } from './busy-connections.ts';
import { type Origin, type OriginLimits, OriginPool } from './origin-pool.ts';
import type { Target } from './target.ts';

type Shared = Origin & Pick<Target, 'poolKey'>;

export class OriginPools {
  readonly #limits: OriginLimits;
  readonly #counters: CounterRow;
  readonly #pools = new Map<string, OriginPool>();
  readonly #busy = new BusyConnections();

  constructor(limits: OriginLimits, counters: CounterRow) {
    this.#limits = limits;
    this.#counters = counters;
  }

  get(target: Shared): OriginPool {
    const known = this.#pools.get(target.poolKey);
    if (known !== undefined) return known;
    const pool = new OriginPool(target, this.#limits, this.#counters, this.#busy);
    this.#pools.set(target.poolKey, pool);
    return pool;
  }

  /** For one connection that nobody shares and nobody keeps. */
  once(target: Origin): OriginPool {
    const limits = { ...this.#limits, connectionsPerOrigin: 1, prewarm: 0, keepAliveMs: 0 };
    return new OriginPool(target, limits, this.#counters, this.#busy);
  }

  /** Makes pools for these targets (opening their first connections) and closes the others; attempts in flight end first. */
  keep(targets: Iterable<Shared>): void {
    const wanted = new Map<string, Shared>();
    for (const target of targets) wanted.set(target.poolKey, target);
    for (const [key, pool] of this.#pools) {
      if (wanted.has(key)) continue;
      pool.close();
      this.#pools.delete(key);
    }
    for (const target of wanted.values()) this.get(target);
  }

  /** Holds the time limits of all connections and attempts; to be called some times a second. */
  sweep(now: number): void {
    this.#busy.sweep(now);
  }

  trim(now: number): void {
    for (const pool of this.#pools.values()) pool.trim(now);
  }

  /** The thread ends: what is still read only so that its connection could be kept is broken off. */
  close(): void {
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
    this.#busy.breakOff();
  }
}
