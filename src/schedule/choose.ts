/**
 * Chooses an account: best priority first, then the lower load (places in use over places), then least recently used. Reads the
 * plan's typed arrays and shared-memory counters: no allocation, no SQL, no Redis.
 *
 * Accounts of one priority are a tier. A tier of up to `EXACT_MAX` is looked at whole. Of a larger one a window of `WINDOW` is looked at,
 * which moves on with every choice, so that each account is met again and again; when nothing in it is free the look goes on, window
 * by window, until something is or all have been seen. What is promised holds for both: never a worse priority while a better one has
 * a free account, and `busy`, `resting` or `none` only after a look at every candidate.
 *
 *   tier of 1,000:   ░░░░░░░░▓▓▓▓░░░░░░░░░░░░      next choice   ░░░░░░░░░░░░▓▓▓▓░░░░░░░░
 *                            cursor                                          cursor
 *
 * Pure but for the reads of shared memory and the plan's cursors; front thread only.
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

/** Looked at whole: 1.3 µs (native-bench/micro/choose.ts). */
export const EXACT_MAX = 96;
export const WINDOW = 32;

/** What a look has found so far; one a front, because a front chooses one at a time. */
const look = {
  free: -1,
  freeLoad: 0,
  freeUsed: 0,
  busy: -1,
  busyLoad: 0,
  restEnds: 0,
  resting: 0,
  rateLimited: 0,
};

/** `tried` holds plan indexes that this exchange has already used (few). */
export function choose(
  plan: Plan,
  slots: SlotTable,
  health: AccountHealth,
  tried: readonly number[],
  now: number,
  choice: Choice,
): void {
  look.free = look.busy = -1;
  look.restEnds = Number.POSITIVE_INFINITY;
  look.resting = look.rateLimited = 0;
  const { tierEnds } = plan;
  for (let tier = 0, from = 0; tier < tierEnds.length && look.free < 0; from = tierEnds[tier++]!) {
    const end = tierEnds[tier]!;
    if (end - from <= EXACT_MAX) lookAt(plan, slots, health, tried, now, from, end);
    else lookAround(plan, slots, health, tried, now, tier);
  }
  choice.index = look.free >= 0 ? look.free : look.busy;
  choice.verdict = look.free >= 0 ? 'free' : look.busy >= 0 ? 'busy' : look.resting > 0 ? 'resting' : 'none';
  choice.restEnds = look.restEnds;
  choice.restIsRateLimit = look.rateLimited === look.resting;
}

/** A large tier: windows from its cursor on, once around at most. */
function lookAround(
  plan: Plan,
  slots: SlotTable,
  health: AccountHealth,
  tried: readonly number[],
  now: number,
  tier: number,
): void {
  const { cursors, tierEnds } = plan;
  const from = tier === 0 ? 0 : tierEnds[tier - 1]!;
  const end = tierEnds[tier]!;
  let at = cursors[tier]!;
  for (let left = end - from; left > 0 && look.free < 0; left -= WINDOW) {
    const width = Math.min(WINDOW, left);
    const stop = Math.min(at + width, end);
    const wrapped = width - (stop - at);
    lookAt(plan, slots, health, tried, now, at, stop);
    // A window goes on at the tier's other end: a shorter one there would favour those in it.
    if (wrapped > 0) lookAt(plan, slots, health, tried, now, from, from + wrapped);
    at = wrapped > 0 ? from + wrapped : stop === end ? from : stop;
  }
  cursors[tier] = at;
}

function lookAt(
  plan: Plan,
  slots: SlotTable,
  health: AccountHealth,
  tried: readonly number[],
  now: number,
  from: number,
  end: number,
): void {
  const { rows, concurrency, modelHash } = plan;
  for (let i = from; i < end; i++) {
    if (tried.length > 0 && tried.includes(i)) continue;
    const row = rows[i]!;
    const until = health.restUntil(row, modelHash, now);
    if (until > now) {
      look.resting++;
      if (health.reason(row, modelHash, now) === REST_RATE_LIMITED) look.rateLimited++;
      if (until < look.restEnds) look.restEnds = until;
      continue;
    }
    const places = concurrency[i]!;
    const demand = slots.demand(row);
    const load = demand / places;
    if (demand >= places) {
      if (look.busy < 0 || load < look.busyLoad) {
        look.busy = i;
        look.busyLoad = load;
      }
      continue;
    }
    const lastUsed = health.lastUsed(row);
    if (look.free < 0 || load < look.freeLoad || (load === look.freeLoad && lastUsed < look.freeUsed)) {
      look.free = i;
      look.freeLoad = load;
      look.freeUsed = lastUsed;
    }
  }
}
