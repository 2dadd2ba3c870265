/**
 * Chooses an account: best priority first, then the lower load (places in use over places), then least recently used. One
 * linear scan over the plan's typed arrays and shared-memory counters: no allocation, no SQL, no Redis. When every candidate
 * of every priority is at its limit, it names the account whose queue is shortest relative to its places.
 *
 * Pure but for the reads of shared memory; front thread only.
 */
import { type AccountHealth, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { Plan } from './plan.ts';

export type Verdict = 'free' | 'busy' | 'resting' | 'none';

/** The answer of `choose`, filled in place: one object a front. */
export interface Choice {
  /**
   * `free`: `index` had a free place when it was looked at. `busy`: `index` is the best queue. `resting`: all candidates rest,
   * the first until `restEnds`. `none`: no candidate is left.
   */
  verdict: Verdict;
  /** Index in the plan; −1 for `resting` and `none`. */
  index: number;
  /** Earliest end of a rest, ms of base/clock. */
  restEnds: number;
  /** Whether every rest is for a rate limit (429) rather than for failures. */
  restIsRateLimit: boolean;
}

export function makeChoice(): Choice {
  return { verdict: 'none', index: -1, restEnds: 0, restIsRateLimit: true };
}

/** `tried` holds plan indexes that this exchange has already used (few). */
export function choose(
  plan: Plan,
  slots: SlotTable,
  health: AccountHealth,
  tried: readonly number[],
  now: number,
  choice: Choice,
): void {
  const { rows, priorities, concurrency, modelHash } = plan;
  let free = -1;
  let freeLoad = 0;
  let freeUsed = 0;
  let busy = -1;
  let busyLoad = 0;
  let restEnds = Number.POSITIVE_INFINITY;
  let resting = 0;
  let rateLimited = 0;
  for (let i = 0; i < rows.length; i++) {
    if (free >= 0 && priorities[i]! > priorities[free]!) break;
    if (tried.length > 0 && tried.includes(i)) continue;
    const row = rows[i]!;
    const until = health.restUntil(row, modelHash, now);
    if (until > now) {
      resting++;
      if (health.reason(row, modelHash, now) === REST_RATE_LIMITED) rateLimited++;
      if (until < restEnds) restEnds = until;
      continue;
    }
    const places = concurrency[i]!;
    const demand = slots.demand(row);
    const load = demand / places;
    if (demand >= places) {
      if (busy < 0 || load < busyLoad) {
        busy = i;
        busyLoad = load;
      }
      continue;
    }
    const lastUsed = health.lastUsed(row);
    if (free < 0 || load < freeLoad || (load === freeLoad && lastUsed < freeUsed)) {
      free = i;
      freeLoad = load;
      freeUsed = lastUsed;
    }
  }
  choice.index = free >= 0 ? free : busy;
  choice.verdict = free >= 0 ? 'free' : busy >= 0 ? 'busy' : resting > 0 ? 'resting' : 'none';
  choice.restEnds = restEnds;
  choice.restIsRateLimit = rateLimited === resting;
}
