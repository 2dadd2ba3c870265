/** One pool per upstream origin, made by use, closed when the catalog no longer names the origin. Front thread only. */
import type { CounterRow } from '#meter/counters.ts';
import { type OriginLimits, OriginPool } from './origin-pool.ts';

export class OriginPools {
  readonly #limits: OriginLimits;
  readonly #counters: CounterRow;
  readonly #pools = new Map<string, OriginPool>();

  constructor(limits: OriginLimits, counters: CounterRow) {
    this.#limits = limits;
    this.#counters = counters;
  }

  get(origin: string): OriginPool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    const pool = new OriginPool(origin, this.#limits, this.#counters);
    this.#pools.set(origin, pool);
    return pool;
  }

  /** Makes pools for these origins (opening their first connections) and closes the others; attempts in flight end first. */
  keep(origins: ReadonlySet<string>): void {
    for (const [origin, pool] of this.#pools) {
      if (origins.has(origin)) continue;
      pool.close();
      this.#pools.delete(origin);
    }
    for (const origin of origins) this.get(origin);
  }

  trim(now: number): void {
    for (const pool of this.#pools.values()) pool.trim(now);
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }
}
