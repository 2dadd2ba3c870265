/**
 * The nearest of a list of names to one that was mistyped: the optimal string alignment distance (insert, delete, replace,
 * swap neighbours), ignoring case. Runs at boot and in the CLI.
 */

/** The nearest name, or null when none is near: at most a third of the letters, and at least 2 edits, may differ. */
export function nearestName(wanted: string, names: Iterable<string>): string | null {
  const bound = Math.max(2, Math.floor(wanted.length / 3));
  let best: string | null = null;
  let bestDistance = bound + 1;
  for (const name of names) {
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Three rows of the usual table are enough, since a swap looks two rows back. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
