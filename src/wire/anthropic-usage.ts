/**
 * Usage of one Anthropic answer, merged from the `usage` objects it carries: one in a JSON message; in a stream those of
 * `message_start` and of each `message_delta`. Pure; runs on front threads. Never throws: what is not a sane number is skipped.
 *
 *   usage = { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens,
 *             cache_creation: { ephemeral_5m_input_tokens, ephemeral_1h_input_tokens } | null,
 *             output_tokens_details: { thinking_tokens } | null, server_tool_use: { web_search_requests } | null,
 *             iterations: [ { type, ...the token fields } ] | null }
 *
 * - Numbers are cumulative: a later object's non-null field replaces the earlier value, it never adds.
 * - `input_tokens` excludes both cache numbers. The sum of cache writes decides; what the split does not name is 5-minute.
 * - Two kinds of `iterations` are not in the top-level numbers and are added to them: `compaction`, which the same model does, and
 *   `advisor_message`, which another (dearer) model does. A record has one price, so advisor tokens are charged at the price of
 *   the model that was asked for: too little, but not nothing. All other kinds are already in the top-level numbers.
 *
 * Sources: `BetaUsage` and `BetaIterationsUsage` in @anthropic-ai/sdk; platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool
 * ("Advisor tokens are not rolled into the top-level totals").
 */
import { TOKENS_MAX, type TokenCounts, zeroCounts } from './token-counts.ts';

type Json = { readonly [field: string]: unknown };

const NOTHING: Json = Object.freeze({});
/** Never written to: most answers have no such iterations. */
const NONE_ADDED = zeroCounts();
const ADDED_ITERATIONS: readonly unknown[] = ['compaction', 'advisor_message'];

export class AnthropicUsage {
  #top = zeroCounts();
  /** Iterations outside the top-level numbers; the latest list replaces an earlier one. */
  #added = NONE_ADDED;

  reset(): void {
    this.#top = zeroCounts();
    this.#added = NONE_ADDED;
  }

  /** Takes over what `usage` holds. True when it held the number of output tokens, which every real usage object has. */
  merge(usage: unknown): boolean {
    const fields = asObject(usage);
    const hasOutput = mergeCounts(this.#top, fields);
    this.#top.webSearchRequests = count(
      asObject(fields['server_tool_use'])['web_search_requests'],
      this.#top.webSearchRequests,
    );
    this.#top.reasoningTokens = count(
      asObject(fields['output_tokens_details'])['thinking_tokens'],
      this.#top.reasoningTokens,
    );
    if (Array.isArray(fields['iterations'])) this.#added = sumAdded(fields['iterations']);
    return hasOutput;
  }

  counts(): TokenCounts {
    const top = this.#top;
    const added = this.#added;
    const counts = zeroCounts();
    counts.inputTokens = bounded(top.inputTokens + added.inputTokens);
    counts.outputTokens = bounded(top.outputTokens + added.outputTokens);
    counts.cacheReadTokens = bounded(top.cacheReadTokens + added.cacheReadTokens);
    counts.cacheWrite5mTokens = bounded(top.cacheWrite5mTokens + added.cacheWrite5mTokens);
    counts.cacheWrite1hTokens = bounded(top.cacheWrite1hTokens + added.cacheWrite1hTokens);
    counts.webSearchRequests = top.webSearchRequests;
    counts.reasoningTokens = Math.min(top.reasoningTokens, counts.outputTokens);
    return counts;
  }
}

function mergeCounts(into: TokenCounts, fields: Json): boolean {
  into.inputTokens = count(fields['input_tokens'], into.inputTokens);
  into.cacheReadTokens = count(fields['cache_read_input_tokens'], into.cacheReadTokens);
  mergeCacheWrites(into, fields);
  const outputTokens = count(fields['output_tokens'], -1);
  if (outputTokens >= 0) into.outputTokens = outputTokens;
  return outputTokens >= 0;
}

/** The sum and its split come together, or one of them alone; a later sum without a split keeps the 1-hour part it had. */
function mergeCacheWrites(into: TokenCounts, fields: Json): void {
  const split = asObject(fields['cache_creation']);
  const in5m = count(split['ephemeral_5m_input_tokens'], -1);
  const in1h = count(split['ephemeral_1h_input_tokens'], -1);
  const sum = count(fields['cache_creation_input_tokens'], -1);
  const splitSum = Math.max(in5m, 0) + Math.max(in1h, 0);
  if (sum < 0 && in5m < 0 && in1h < 0) return;
  const hasSplit = in5m >= 0 || in1h >= 0;
  const whole = hasSplit ? Math.max(sum, splitSum) : sum;
  into.cacheWrite1hTokens = Math.min(hasSplit ? Math.max(in1h, 0) : into.cacheWrite1hTokens, whole);
  into.cacheWrite5mTokens = whole - into.cacheWrite1hTokens;
}

function sumAdded(iterations: readonly unknown[]): TokenCounts {
  const sum = zeroCounts();
  for (const iteration of iterations) {
    const fields = asObject(iteration);
    if (!ADDED_ITERATIONS.includes(fields['type'])) continue;
    const one = zeroCounts();
    mergeCounts(one, fields);
    sum.inputTokens += one.inputTokens;
    sum.outputTokens += one.outputTokens;
    sum.cacheReadTokens += one.cacheReadTokens;
    sum.cacheWrite5mTokens += one.cacheWrite5mTokens;
    sum.cacheWrite1hTokens += one.cacheWrite1hTokens;
  }
  return sum;
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : NOTHING;
}

function count(value: unknown, otherwise: number): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= TOKENS_MAX
    ? (value as number)
    : otherwise;
}

function bounded(tokens: number): number {
  return Math.min(tokens, TOKENS_MAX);
}
