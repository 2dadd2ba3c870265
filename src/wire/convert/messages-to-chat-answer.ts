/**
 * A Messages answer as a Chat Completions answer. Pure; never throws.
 *
 *   Messages                            Chat
 *   content: text blocks                choices[0].message.content, joined; null when there is none
 *            thinking blocks            reasoning_content, joined
 *            tool_use blocks            tool_calls, the input as JSON text
 *   stop_reason                         finish_reason (table in `messages-chat-terms.ts`)
 *   stop_details.explanation            refusal, when that is why it stopped
 *   usage                               usage
 *
 * Signatures, redacted thinking and blocks of tools that ran at the upstream have no place in it.
 */
import type { AnswerContext, JsonObject } from './crossing.ts';
import { asArray, asObject, asString, writeJson } from './json.ts';
import { chatTier, chatUsage, finishReason } from './messages-chat-terms.ts';

export function messagesToChatAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const stop = asString(body['stop_reason']);
  const usage = asObject(body['usage']);
  const tier = chatTier(usage?.['service_tier']);
  return {
    id: asString(body['id']) ?? `chatcmpl-${context.requestId}`,
    object: 'chat.completion',
    created: context.createdAtSeconds,
    model: context.model,
    choices: [{ index: 0, message: toMessage(body, stop, context), logprobs: null, finish_reason: finishReason(stop) }],
    usage: chatUsage(usage),
    ...(tier === null ? {} : { service_tier: tier }),
  };
}

function toMessage(body: JsonObject, stop: string | null, context: AnswerContext): JsonObject {
  const calls: JsonObject[] = [];
  let text = '';
  let reasoning = '';
  for (const item of asArray(body['content']) ?? []) {
    const block = asObject(item);
    if (block?.['type'] === 'text') text += asString(block['text']) ?? '';
    else if (block?.['type'] === 'thinking') reasoning += asString(block['thinking']) ?? '';
    else if (block?.['type'] === 'tool_use') calls.push(toolCall(block, calls.length, context));
  }
  const message: JsonObject = { role: 'assistant', content: text === '' ? null : text, refusal: refusalOf(stop, body) };
  if (reasoning !== '') message['reasoning_content'] = reasoning;
  if (calls.length > 0) message['tool_calls'] = calls;
  return message;
}

function toolCall(block: JsonObject, index: number, context: AnswerContext): JsonObject {
  return {
    id: asString(block['id']) ?? `call_${context.requestId}_${index}`,
    type: 'function',
    function: { name: asString(block['name']) ?? '', arguments: writeJson(block['input'] ?? {}) ?? '{}' },
  };
}

/** Why the model refused, in words; null when it did not, or said nothing. `holder` has `stop_details`. */
export function refusalOf(stop: string | null, holder: JsonObject | null): string | null {
  return stop === 'refusal' ? asString(asObject(holder?.['stop_details'])?.['explanation']) : null;
}
