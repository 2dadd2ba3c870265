/**
 * The words of Messages and Chat Completions that mean the same: why an answer ended, how many tokens it took, how hard to think,
 * how fast to be served. Pure.
 *
 *   Chat finish_reason   Messages stop_reason                       Messages stop_reason             Chat finish_reason
 *   stop                 end_turn, stop_sequence if it is named     end_turn, stop_sequence,         stop
 *   length               max_tokens                                 pause_turn
 *   tool_calls           tool_use                                   max_tokens,                      length
 *   function_call        tool_use                                   model_context_window_exceeded
 *   content_filter       refusal                                    tool_use                         tool_calls
 *                                                                   refusal                          content_filter
 *
 *   Chat usage      prompt_tokens = everything read, cached and written to the cache included
 *   Messages usage  input_tokens  = what was neither read from the cache nor written to it
 *   Both count reasoning in what was written.
 *
 * Sources: `StopReason`, `Usage` in @anthropic-ai/sdk; `ChatCompletion.Choice`, `CompletionUsage` in openai.
 */
import { CARRIED_MARK } from './carried-mark.ts';
import type { JsonObject } from './crossing.ts';
import { asCount, asObject, asString } from './json.ts';

/**
 * The signature of thinking that was made of a Chat upstream's `reasoning_content`. It proves nothing; it says that the upstream
 * takes this text back, which those that write it want and those that never wrote it refuse.
 */
export const REASONING_SIGNATURE = `${CARRIED_MARK}reasoning_content`;

const STOP_OF_FINISH: ReadonlyMap<string, string> = new Map([
  ['stop', 'end_turn'],
  ['length', 'max_tokens'],
  ['tool_calls', 'tool_use'],
  ['function_call', 'tool_use'],
  ['content_filter', 'refusal'],
]);

/** @param hasTools Whether the answer calls tools: some upstreams say `stop` all the same. */
export function stopReason(finishReason: string, hasTools: boolean, refused: boolean): string {
  if (refused) return 'refusal';
  const stop = STOP_OF_FINISH.get(finishReason.toLowerCase()) ?? 'end_turn';
  return stop === 'end_turn' && hasTools ? 'tool_use' : stop;
}

export function finishReason(stop: string | null): string {
  switch (stop) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return 'tool_calls';
    case 'refusal':
      return 'content_filter';
    default:
      return 'stop';
  }
}

/** Chat's usage as Messages writes it; zeros where the upstream gave none, since the field is required. */
export function messagesUsage(usage: JsonObject | null, serviceTier: string | null): JsonObject {
  const prompt = asObject(usage?.['prompt_tokens_details']);
  const written = asObject(usage?.['completion_tokens_details']);
  const read = asCount(prompt?.['cached_tokens']);
  const cacheWrite = asCount(prompt?.['cache_write_tokens']);
  const thinking = asCount(written?.['reasoning_tokens']);
  return {
    input_tokens: Math.max(0, asCount(usage?.['prompt_tokens']) - read - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: read,
    output_tokens: asCount(usage?.['completion_tokens']),
    ...(thinking > 0 ? { output_tokens_details: { thinking_tokens: thinking } } : {}),
    ...(serviceTier === null ? {} : { service_tier: serviceTier }),
  };
}

/** Messages' usage as Chat writes it. */
export function chatUsage(usage: JsonObject | null): JsonObject {
  const read = asCount(usage?.['cache_read_input_tokens']);
  const split = asObject(usage?.['cache_creation']);
  const cacheWrite =
    asCount(usage?.['cache_creation_input_tokens']) ||
    asCount(split?.['ephemeral_5m_input_tokens']) + asCount(split?.['ephemeral_1h_input_tokens']);
  const prompt = asCount(usage?.['input_tokens']) + read + cacheWrite;
  const completion = asCount(usage?.['output_tokens']);
  const thinking = asCount(asObject(usage?.['output_tokens_details'])?.['thinking_tokens']);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: read, cache_write_tokens: cacheWrite },
    completion_tokens_details: { reasoning_tokens: thinking },
  };
}

/** A served tier; null where the other protocol has no word for it. */
export function messagesTier(tier: unknown): string | null {
  return tier === 'default' ? 'standard' : tier === 'priority' ? 'priority' : null;
}

export function chatTier(tier: unknown): string | null {
  return tier === 'standard' ? 'default' : tier === 'priority' ? 'priority' : null;
}

const LOW_BUDGET_TOKENS = 4_096;
const MEDIUM_BUDGET_TOKENS = 16_384;

/** Chat has words for how hard to think where Messages' older form has a number of tokens. */
export function effortOfBudget(budgetTokens: number): string {
  if (budgetTokens <= LOW_BUDGET_TOKENS) return 'low';
  return budgetTokens <= MEDIUM_BUDGET_TOKENS ? 'medium' : 'high';
}

/** Messages' word for one of Chat's efforts other than `none`; null: it has none. */
export function messagesEffort(effort: string): string | null {
  if (effort === 'minimal') return 'low';
  return ['low', 'medium', 'high', 'xhigh', 'max'].includes(effort) ? effort : null;
}

/** The reasoning in a Chat message or delta, under either of the names that upstreams give it; '' when there is none. */
export function reasoningOf(message: JsonObject): string {
  return asString(message['reasoning_content']) ?? asString(message['reasoning']) ?? '';
}
