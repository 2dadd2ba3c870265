/** Model names in lists of the catalog: exact, or a prefix with a trailing `*`. Pure. */
export function matchesModel(patterns: readonly string[], model: string): boolean {
  for (const pattern of patterns) {
    if (pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : pattern === model) return true;
  }
  return false;
}
