/** A histogram of microseconds (HDR, three digits), and the plain summary of it that crosses processes. Pure. */
import { build, type Histogram } from 'hdr-histogram-js';

/** Longer ones count as this long. */
const LATENCY_MAX_US = 120_000_000;

/** Where a distribution is read for its curve. */
export const PERCENTILES = [
  1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.5, 99.9, 99.99,
] as const;

export interface LatencySummary {
  count: number;
  meanUs: number;
  maxUs: number;
  /** Percentile and microseconds, in order of `PERCENTILES`; all zero when nothing was counted. */
  points: [percentile: number, us: number][];
}

export class Latencies {
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MAX_US,
    numberOfSignificantValueDigits: 3,
  });

  /** Clocks are read one after the other: what comes out below zero is nothing. */
  record(us: number): void {
    this.#histogram.recordValue(Math.min(LATENCY_MAX_US, Math.max(0, Math.round(us))));
  }

  summary(): LatencySummary {
    const { totalCount, mean, maxValue } = this.#histogram;
    const points = PERCENTILES.map((one): [number, number] => [one, this.#histogram.getValueAtPercentile(one)]);
    return { count: totalCount, meanUs: totalCount === 0 ? 0 : mean, maxUs: maxValue, points };
  }
}

/** Microseconds at one of `PERCENTILES`. */
export function at({ points }: LatencySummary, percentile: (typeof PERCENTILES)[number]): number {
  const point = points.find(([one]) => one === percentile);
  if (point === undefined) throw new Error(`the summary has no percentile ${percentile}`);
  return point[1];
}
