/**
 * Usage of one Gemini answer, merged from the `usageMetadata` of its chunks; a JSON answer has one. Pure; runs on front threads.
 * Never throws: what is not a sane number is skipped.
 *
 *   usageMetadata = { promptTokenCount, cachedContentTokenCount, toolUsePromptTokenCount, candidatesTokenCount, thoughtsTokenCount,
 *                     totalTokenCount }
 *
 * - Numbers are cumulative: a later chunk's number replaces the earlier one, it never adds. A field that a later chunk leaves out
 *   keeps its number; one that never came is 0.
 * - `promptTokenCount` includes what was read from a cache and excludes what tools put into the prompt; `candidatesTokenCount`
 *   excludes thoughts, which cost the same. So input = prompt - cached + tool use, output = candidates + thoughts.
 * - `totalTokenCount` adds nothing that the others do not say, and is not read.
 *
 * Source: ai.google.dev/api/generate-content (UsageMetadata), ai.google.dev/gemini-api/docs/tokens.
 */
import { TOKENS_MAX, type TokenCounts, zeroCounts } from './token-counts.ts';

const FIELDS = [
  'promptTokenCount',
  'cachedContentTokenCount',
  'toolUsePromptTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
] as const;
const PROMPT = 0;
const CACHED = 1;
const TOOL_USE = 2;
const CANDIDATES = 3;
const THOUGHTS = 4;

export class GeminiUsage {
  /** By index of FIELDS. */
  readonly #counts: number[] = FIELDS.map(() => 0);

  reset(): void {
    this.#counts.fill(0);
  }

  /** Takes over what `usageMetadata` holds. True when it held a number of prompt or candidate tokens: real ones do. */
  merge(usageMetadata: unknown): boolean {
    if (typeof usageMetadata !== 'object' || usageMetadata === null) return false;
    const fields = usageMetadata as { readonly [field: string]: unknown };
    let found = false;
    for (let i = 0; i < FIELDS.length; i++) {
      const value = fields[FIELDS[i]!];
      if (!isCount(value)) continue;
      this.#counts[i] = value;
      if (i === PROMPT || i === CANDIDATES) found = true;
    }
    return found;
  }

  counts(): TokenCounts {
    const seen = this.#counts;
    const counts = zeroCounts();
    counts.cacheReadTokens = Math.min(seen[CACHED]!, seen[PROMPT]!);
    counts.inputTokens = bounded(seen[PROMPT]! - counts.cacheReadTokens + seen[TOOL_USE]!);
    counts.outputTokens = bounded(seen[CANDIDATES]! + seen[THOUGHTS]!);
    counts.reasoningTokens = Math.min(seen[THOUGHTS]!, counts.outputTokens);
    return counts;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= TOKENS_MAX;
}

function bounded(tokens: number): number {
  return Math.min(tokens, TOKENS_MAX);
}
