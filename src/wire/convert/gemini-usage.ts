/**
 * What an answer used, in Gemini, Messages and Chat. Pure; what is no number of tokens is 0.
 *
 *   Gemini   promptTokenCount (with cached) + toolUsePromptTokenCount, candidatesTokenCount (without thoughts) + thoughtsTokenCount
 *   Messages input_tokens (without cached) + cache_read_… + cache_creation_input_tokens, output_tokens (with thinking)
 *   Chat     prompt_tokens (with cached), completion_tokens (with reasoning)
 *
 * Gemini has no word for what was written to a cache: it is part of the prompt. Sources: those of `wire/gemini-usage.ts`,
 * `wire/anthropic-usage.ts`; platform.openai.com/docs/api-reference/chat/object.
 */
import type { JsonObject } from './crossing.ts';
import { asFields } from './gemini-fields.ts';
import { asArray, asCount, asObject } from './json.ts';

function outputOf(usage: JsonObject): number {
  return asCount(usage['candidatesTokenCount']) + asCount(usage['thoughtsTokenCount']);
}

function inputOf(usage: JsonObject): number {
  return asCount(usage['promptTokenCount']) + asCount(usage['toolUsePromptTokenCount']);
}

function cachedOf(usage: JsonObject): number {
  return Math.min(asCount(usage['cachedContentTokenCount']), asCount(usage['promptTokenCount']));
}

export function messagesUsage(usage: JsonObject): JsonObject {
  const cached = cachedOf(usage);
  const thoughts = asCount(usage['thoughtsTokenCount']);
  return {
    input_tokens: inputOf(usage) - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: outputOf(usage),
    ...(thoughts > 0 && { output_tokens_details: { thinking_tokens: thoughts } }),
  };
}

export function chatUsage(usage: JsonObject): JsonObject {
  const prompt = inputOf(usage);
  const completion = outputOf(usage);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: cachedOf(usage),
      audio_tokens: tokensOfModality(usage['promptTokensDetails'], 'AUDIO'),
    },
    completion_tokens_details: { reasoning_tokens: asCount(usage['thoughtsTokenCount']) },
  };
}

function tokensOfModality(details: unknown, modality: string): number {
  let tokens = 0;
  for (const each of asArray(details) ?? []) {
    const detail = asFields(each);
    if (detail?.['modality'] === modality) tokens += asCount(detail['tokenCount']);
  }
  return tokens;
}

export function usageOfMessages(usage: JsonObject): JsonObject {
  const cached = asCount(usage['cache_read_input_tokens']);
  const thoughts = asCount(asObject(usage['output_tokens_details'])?.['thinking_tokens']);
  const prompt = asCount(usage['input_tokens']) + asCount(usage['cache_creation_input_tokens']) + cached;
  return usageMetadata(prompt, cached, asCount(usage['output_tokens']), thoughts);
}

export function usageOfChat(usage: JsonObject): JsonObject {
  const cached = asCount(asObject(usage['prompt_tokens_details'])?.['cached_tokens']);
  const thoughts = asCount(asObject(usage['completion_tokens_details'])?.['reasoning_tokens']);
  return usageMetadata(asCount(usage['prompt_tokens']), cached, asCount(usage['completion_tokens']), thoughts);
}

/** Google leaves out what is 0. */
function usageMetadata(prompt: number, cached: number, output: number, thoughtsGiven: number): JsonObject {
  const thoughts = Math.min(thoughtsGiven, output);
  return {
    promptTokenCount: prompt,
    ...(cached > 0 && { cachedContentTokenCount: cached }),
    candidatesTokenCount: output - thoughts,
    ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
    totalTokenCount: prompt + output,
  };
}
