/**
 * Ratios of two contenders, formed pair by pair within a round, so that what the machine does meanwhile meets both alike. Pure.
 */
import type { Measurement } from './results.ts';

export interface Ratio {
  median: number;
  min: number;
  max: number;
  /** Rounds in which both were measured. */
  pairs: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Null when no round measured both, or the base was zero. */
export function ratioOf(values: readonly (number | null)[], bases: readonly (number | null)[]): Ratio | null {
  const ratios: number[] = [];
  for (let round = 0; round < values.length; round++) {
    const value = values[round] ?? null;
    const base = bases[round] ?? null;
    if (value !== null && base !== null && base !== 0) ratios.push(value / base);
  }
  if (ratios.length === 0) return null;
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios), pairs: ratios.length };
}

export interface Place {
  case: string;
  metric: string;
}

export function find(measurements: readonly Measurement[], place: Place, contender: string): Measurement | undefined {
  return measurements.find(
    (one) => one.case === place.case && one.metric === place.metric && one.contender === contender,
  );
}

/** The ratio of two contenders at one place of a scenario; null when either was not measured. */
export function ratioAt(
  measurements: readonly Measurement[],
  place: Place,
  contender: string,
  base: string,
): Ratio | null {
  const values = find(measurements, place, contender)?.values;
  const bases = find(measurements, place, base)?.values;
  return values === undefined || bases === undefined ? null : ratioOf(values, bases);
}

/** `1.13 (1.09 … 1.20)` */
export function formatRatio(ratio: Ratio | null): string {
  if (ratio === null) return 'not measured';
  const [middle, min, max] = [ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(2));
  return ratio.pairs === 1 ? middle! : `${middle} (${min} … ${max})`;
}
