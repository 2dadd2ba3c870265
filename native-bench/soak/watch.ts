/**
 * Watches a gateway process during a soak: resident memory once a second, open descriptors and the product's own gauges less often.
 * What it keeps grows with the length of the run only by a few bytes a sample.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../test/support/wait-for.ts';
import { collectGarbage } from '../memory/forced-gc.ts';
import { resident } from '../memory/resident.ts';
import type { Sample } from './memory-slope.ts';

export interface Watched {
  gatewayPid: number;
  metrics(): Promise<Map<string, number>>;
}

/** What must be back at zero when all clients have gone. */
const HELD = /^penstock_(exchanges_open|slots_held|queue_waiting|body_bytes_held|stream_bytes_held)(\{|$)/;
const SAMPLE_MS = 1_000;
const METRICS_EVERY = 10;
const IDLE_BOUND_MS = 20_000;
const LOOK_MS = 250;
const STEADY_LOOKS = 10;

export interface Peaks {
  fds: number;
  exchangesOpen: number;
  /** Heap of the primary thread, which is the one that the metrics page knows. */
  primaryHeapBytes: number;
}

export function openFds(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export interface WatchPace {
  sampleMs?: number;
  /** Collections are forced so often, which the process must have been started for; never when left out. */
  collectEveryMs?: number;
}

export class SoakWatch {
  readonly samples: Sample[] = [];
  readonly peaks: Peaks = { fds: 0, exchangesOpen: 0, primaryHeapBytes: 0 };
  readonly #watched: Watched;
  readonly #sampleMs: number;
  readonly #collectEveryMs: number;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(watched: Watched, { sampleMs = SAMPLE_MS, collectEveryMs = Number.POSITIVE_INFINITY }: WatchPace = {}) {
    this.#watched = watched;
    this.#sampleMs = sampleMs;
    this.#collectEveryMs = collectEveryMs;
    this.#done = this.#sample();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #sample(): Promise<void> {
    const { gatewayPid } = this.#watched;
    let collectAtMs = performance.now() + this.#collectEveryMs;
    for (let i = 0; !this.#stopped; i++) {
      if (performance.now() >= collectAtMs) {
        collectGarbage(gatewayPid);
        collectAtMs += this.#collectEveryMs;
      }
      this.samples.push({ atMs: performance.now(), bytes: resident(gatewayPid).nowBytes });
      if (i % METRICS_EVERY === 0) await this.#look();
      await sleep(this.#sampleMs);
    }
  }

  async #look(): Promise<void> {
    const metrics = await this.#watched.metrics();
    const most = (peak: keyof Peaks, value: number): void => {
      this.peaks[peak] = Math.max(this.peaks[peak], value);
    };
    most('fds', openFds(this.#watched.gatewayPid));
    most('exchangesOpen', metrics.get('penstock_exchanges_open') ?? 0);
    most('primaryHeapBytes', metrics.get('nodejs_heap_size_used_bytes') ?? 0);
  }
}

/** Descriptors of an idle gateway: what is open once their number has not moved for some looks. */
export async function idleFds(pid: number): Promise<number> {
  let fds = openFds(pid);
  let same = 0;
  const steady = (): boolean => {
    const now = openFds(pid);
    same = now === fds ? same + 1 : 0;
    fds = now;
    return same >= STEADY_LOOKS;
  };
  await waitFor('a steady number of descriptors', steady, { boundMs: IDLE_BOUND_MS, everyMs: LOOK_MS });
  return fds;
}

/**
 * After the traffic has ended: waits until nothing is held and no more than `fdsMax` descriptors are open. Resolves to what is left
 * when the bound has passed; empty is what it should be.
 */
export async function leftOpen(watched: Watched, fdsMax: number): Promise<string[]> {
  let left: string[] = [];
  const nothing = async (): Promise<boolean> => {
    const metrics = await watched.metrics();
    left = [...metrics].filter(([name, value]) => value !== 0 && HELD.test(name)).map(([name, n]) => `${name} ${n}`);
    const fds = openFds(watched.gatewayPid);
    if (fds > fdsMax) left.push(`${fds} descriptors, ${fdsMax} allowed`);
    if (metrics.size === 0) left.push('the metrics page is empty');
    return left.length === 0;
  };
  await waitFor('nothing left open', nothing, { boundMs: IDLE_BOUND_MS, everyMs: LOOK_MS }).catch(() => {});
  return left;
}
