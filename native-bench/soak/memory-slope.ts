/**
 * Whether memory grows for ever, from samples of a run: the Theil–Sen slope (the median of the slopes of all pairs) through the minima
 * of equal intervals, with Sen's confidence interval. Minima, because what lies between two collections is no leak; medians, because one
 * step of the heap must not tilt a line as it does with least squares. Pure.
 *
 * P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968); its interval takes the slopes whose
 * ranks are (N ∓ C) / 2, with N pairs and C = z · √(n (n − 1) (2n + 5) / 18).
 */
export interface Sample {
  atMs: number;
  bytes: number;
}

export interface Slope {
  /** Lowest sample of each interval after the warm-up. */
  minima: Sample[];
  /** Bytes a minute: the estimate and the ends of its 95 % interval. */
  perMinute: number;
  lowPerMinute: number;
  highPerMinute: number;
}

export interface SlopeOptions {
  /** Samples before it are left out: caches fill and code is compiled then. */
  warmUpMs: number;
  intervalMs: number;
}

const Z_95 = 1.96;
const MINUTE_MS = 60_000;
/** Below this many intervals the confidence interval spans every pair. */
const MINIMA_MIN = 5;

/** Null when the samples span too few intervals to tell. */
export function memorySlope(samples: readonly Sample[], { warmUpMs, intervalMs }: SlopeOptions): Slope | null {
  const minima = minimaOf(samples, warmUpMs, intervalMs);
  if (minima.length < MINIMA_MIN) return null;
  const slopes = pairSlopes(minima);
  const n = minima.length;
  const half = (Z_95 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)) / 2;
  const at = (rank: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))]!;
  return {
    minima,
    perMinute: median(slopes),
    lowPerMinute: at(slopes.length / 2 - half),
    highPerMinute: at(slopes.length / 2 + half),
  };
}

function minimaOf(samples: readonly Sample[], warmUpMs: number, intervalMs: number): Sample[] {
  const startMs = samples[0]?.atMs ?? 0;
  const lowest = new Map<number, Sample>();
  for (const sample of samples) {
    const interval = Math.floor((sample.atMs - startMs - warmUpMs) / intervalMs);
    if (interval < 0) continue;
    const before = lowest.get(interval);
    if (before === undefined || sample.bytes < before.bytes) lowest.set(interval, sample);
  }
  return [...lowest.values()];
}

/** Bytes a minute between every two minima, sorted. */
function pairSlopes(minima: readonly Sample[]): number[] {
  const slopes: number[] = [];
  for (let i = 0; i < minima.length; i++) {
    for (let j = i + 1; j < minima.length; j++) {
      const minutes = (minima[j]!.atMs - minima[i]!.atMs) / MINUTE_MS;
      if (minutes > 0) slopes.push((minima[j]!.bytes - minima[i]!.bytes) / minutes);
    }
  }
  return slopes.sort((a, b) => a - b);
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const MIB = 1024 * 1024;
const PER_MINUTES = 10;

export interface MemoryJudgement {
  /** Null: the run was too short to tell. */
  held: boolean | null;
  /** `0.12 (−0.40 … 0.61) MiB in 10 min` */
  measured: string;
  why: string;
}

/** Stated bound: growth of more than this, beyond the uncertainty of the estimate, is a leak. */
export const GROWTH_MAX_MIB = 1;
export const GROWTH_BOUND = `≤ ${GROWTH_MAX_MIB} MiB in ${PER_MINUTES} min after the warm-up, beyond the uncertainty of the slope`;

/** Slopes of windows shorter than this are told but not judged: heaps still settle. */
export const JUDGED_FROM_MS = 10 * MINUTE_MS;

/** For so long V8 compiles what turns out to be hot, and resident memory still grows by more than the bound. */
const SETTLING_MS = 10 * MINUTE_MS;
const INTERVAL_MIN_MS = 3_000;
const INTERVALS = 60;

/** Of a run of a length: from 20 minutes on it leaves the settling time out and is judged. */
export function windowOf(totalMs: number): SlopeOptions {
  return {
    warmUpMs: Math.max(totalMs / 3, Math.min(SETTLING_MS, totalMs / 2)),
    intervalMs: Math.max(INTERVAL_MIN_MS, totalMs / INTERVALS),
  };
}

export function judgeMemory(samples: readonly Sample[], options: SlopeOptions): MemoryJudgement {
  const slope = memorySlope(samples, options);
  if (slope === null) return { held: null, measured: 'not measured', why: 'too few samples after the warm-up' };
  const inTen = (perMinute: number): number => (perMinute * PER_MINUTES) / MIB;
  const [low, high] = [inTen(slope.lowPerMinute), inTen(slope.highPerMinute)];
  const range = `${low.toFixed(2)} … ${high.toFixed(2)}`;
  const measured = `${inTen(slope.perMinute).toFixed(2)} (${range}) MiB in ${PER_MINUTES} min`;
  const windowMs = slope.minima.at(-1)!.atMs - slope.minima[0]!.atMs + options.intervalMs;
  if (windowMs < JUDGED_FROM_MS) {
    const why = `a window of ${(windowMs / 1000).toFixed(0)} s shows how a heap settles, not whether it grows; judged from 10 min on`;
    return { held: null, measured, why };
  }
  const held = low <= GROWTH_MAX_MIB;
  return { held, measured, why: held ? '' : 'resident memory grows for as long as it was watched' };
}
