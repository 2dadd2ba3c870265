/** How evenly something is spread, and where in a sample a share of it lies. Pure. */

/** The most over the mean: 1 is even, n is all on one of n. NaN of nothing. */
export function maxOverMean(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Math.max(...counts) / (total / counts.length);
}

/** The value below which this share (0 to 1) of the sample lies; NaN of an empty one. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
