/**
 * What the usage of every protocol is reduced to: how much of each priced thing one answer used. Whole numbers, never negative,
 * at most `TOKENS_MAX` each. The classes do not overlap: `inputTokens` excludes what was read from or written to the cache.
 */
export interface TokenCounts {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  /** Written to the cache for 5 minutes, and everything whose lifetime the upstream did not name. */
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  webSearchRequests: number;
}

/** No answer can honestly hold more; a larger number is taken for garbage and is not billed. */
export const TOKENS_MAX = 1_000_000_000;
