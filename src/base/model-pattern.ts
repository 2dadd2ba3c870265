/** Model names in lists of the catalog: exact, or a prefix with a trailing `*`. Pure. */
export function matchesModel(patterns: readonly string[], model: string): boolean {
  for (const pattern of patterns) {
    if (pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : pattern === model) return true;
  }
  return false;
}

/** The value of the pattern that fits best: the name itself, else the longest prefix. */
export function longestMatch<T>(byPattern: Readonly<Record<string, T>>, model: string): T | undefined {
  let best: string | null = null;
  for (const pattern of Object.keys(byPattern)) {
    if (pattern === model) return byPattern[pattern];
    if (matchesModel([pattern], model) && (best === null || pattern.length > best.length)) best = pattern;
  }
  return best === null ? undefined : byPattern[best];
}
