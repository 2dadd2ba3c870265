/**
 * What the usage of every protocol is reduced to: how much of each priced thing one answer used. Whole numbers, never negative,
 * at most `TOKENS_MAX` each. The classes do not overlap, but for `reasoningTokens`: `inputTokens` excludes what was read from or
 * written to the cache, and both `inputTokens` and `outputTokens` exclude the tokens of sound and pictures.
 */
export interface TokenCounts {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  /** Written to the cache for 5 minutes, and everything whose lifetime the upstream did not name. */
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  webSearchRequests: number;
  /** The part of `outputTokens` that the model thought to itself. For information: not priced again. */
  reasoningTokens: number;
  audioInputTokens: number;
  audioOutputTokens: number;
  imageInputTokens: number;
  imageOutputTokens: number;
  /** Images or videos made. */
  mediaItems: number;
  /** Of video made; whole seconds. */
  mediaSeconds: number;
}

/** No answer can honestly hold more; a larger number is taken for garbage and is not billed. */
export const TOKENS_MAX = 1_000_000_000;

/** The one place where counts are made, so that all of them have one shape for the compiler. */
export function zeroCounts(): TokenCounts {
  return {
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    webSearchRequests: 0,
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 0,
    mediaSeconds: 0,
  };
}
