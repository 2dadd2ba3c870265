/**
 * Usage of one answer of an OpenAI upstream, of Responses, Chat Completions, completions or embeddings. Pure; runs on front threads.
 * Never throws: what is not a sane number is skipped.
 *
 *   Responses: { input_tokens, input_tokens_details: { cached_tokens, cache_write_tokens, cache_write_tokens_details: { ttl_30m_tokens,
 *                ttl_12h_tokens } }, output_tokens, output_tokens_details: { reasoning_tokens }, total_tokens }
 *   Chat:      { prompt_tokens, prompt_tokens_details: { cached_tokens, cache_write_tokens, audio_tokens }, completion_tokens,
 *                completion_tokens_details: { reasoning_tokens, audio_tokens, accepted_ and rejected_prediction_tokens }, total_tokens }
 *
 * - Input includes what was read from and written to the cache, so both are taken off it; output includes reasoning and, as they are
 *   charged, rejected predictions. Text and audio are parts of input and output, priced apart.
 * - Cache writes of half an hour are charged as the shorter class, those of twelve hours as the longer.
 * - Upstreams that send usage with every chunk count up: a later object replaces an earlier one as a whole.
 *
 * Sources: `ResponseUsage` and `CompletionUsage` of the package openai.
 */
import { asObject } from './convert/json.ts';
import { TOKENS_MAX, type TokenCounts, zeroCounts } from './token-counts.ts';

export class OpenAiUsage {
  #counts = zeroCounts();

  reset(): void {
    this.#counts = zeroCounts();
  }

  /** Takes over what `usage` holds. True when it held a number of input tokens, which every real usage object has. */
  merge(usage: unknown): boolean {
    const fields = asObject(usage);
    if (fields === null) return false;
    const whole = count(fields['input_tokens'] ?? fields['prompt_tokens'], -1);
    if (whole < 0) return false;
    const input = asObject(fields['input_tokens_details'] ?? fields['prompt_tokens_details']) ?? {};
    const output = asObject(fields['output_tokens_details'] ?? fields['completion_tokens_details']) ?? {};
    const outputTokens = count(fields['output_tokens'] ?? fields['completion_tokens'], 0);
    const counts = zeroCounts();
    const cacheReadTokens = Math.min(count(input['cached_tokens'], 0), whole);
    const written = Math.min(count(input['cache_write_tokens'], 0), whole - cacheReadTokens);
    const longer = count(asObject(input['cache_write_tokens_details'])?.['ttl_12h_tokens'], 0);
    const rest = whole - cacheReadTokens - written;
    counts.cacheReadTokens = cacheReadTokens;
    counts.cacheWrite1hTokens = Math.min(longer, written);
    counts.cacheWrite5mTokens = written - counts.cacheWrite1hTokens;
    counts.audioInputTokens = Math.min(count(input['audio_tokens'], 0), rest);
    counts.imageInputTokens = Math.min(count(input['image_tokens'], 0), rest - counts.audioInputTokens);
    counts.inputTokens = rest - counts.audioInputTokens - counts.imageInputTokens;
    counts.reasoningTokens = Math.min(count(output['reasoning_tokens'], 0), outputTokens);
    counts.audioOutputTokens = Math.min(count(output['audio_tokens'], 0), outputTokens);
    counts.imageOutputTokens = Math.min(count(output['image_tokens'], 0), outputTokens - counts.audioOutputTokens);
    counts.outputTokens = outputTokens - counts.audioOutputTokens - counts.imageOutputTokens;
    this.#counts = counts;
    return true;
  }

  counts(): TokenCounts {
    return { ...this.#counts };
  }
}

function count(value: unknown, otherwise: number): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= TOKENS_MAX
    ? (value as number)
    : otherwise;
}
