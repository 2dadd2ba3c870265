/** How the micro benches measure: time as the best of some rounds, and heap bytes that a call leaves behind. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Tries to find a span without a collection in it, which would hide what was allocated. */
const TRIES = 5;

/** Best of the rounds: the machine's own noise only ever adds. */
export function bestNs(rounds: number, count: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  return best;
}

/**
 * Bytes of heap a call, of a `run` that is compiled by now. `count` calls must allocate well under the young generation's 16 MiB. What
 * the measuring itself allocates is taken off.
 */
export function bytesPerCall(count: number, run: () => void): number {
  const own = grown(1, nothing);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const bytes = grown(count, run);
    if (bytes >= 0) least = Math.min(least, bytes);
  }
  if (!Number.isFinite(least)) throw new Error('a collection fell into every span: fewer calls are needed');
  return Math.max(0, least - own) / count;
}

function nothing(): void {}

function grown(count: number, run: () => void): number {
  collect();
  const before = getHeapStatistics().used_heap_size;
  for (let i = 0; i < count; i++) run();
  return getHeapStatistics().used_heap_size - before;
}

/** One line of JSON a case. */
export function printCase(bench: string, name: string, unit: string, figures: Record<string, number>): void {
  const rounded = Object.entries(figures).map(([key, value]) => [key, Math.round(value * 10) / 10]);
  process.stdout.write(`${JSON.stringify({ bench, case: name, unit, ...Object.fromEntries(rounded) })}\n`);
}
