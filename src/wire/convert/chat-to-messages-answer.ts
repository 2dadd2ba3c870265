/**
 * A Chat Completions answer as a Messages answer. Pure; never throws. Only the first choice: requests that want more are refused.
 *
 *   Chat                                    Messages
 *   message.reasoning_content, reasoning    thinking block, signed with REASONING_SIGNATURE
 *   message.content                         text block
 *   message.refusal                         text block, stop_reason refusal, stop_details.explanation
 *   message.tool_calls                      tool_use blocks; arguments that are no JSON object become { invalid_arguments: text },
 *                                           so that no tool runs with less than the model wrote
 *   finish_reason                           stop_reason (table in `messages-chat-terms.ts`)
 *   choice.stop_reason, if a string         stop_sequence: some upstreams say which one it was
 *   usage                                   usage
 */
import type { AnswerContext, JsonObject } from './crossing.ts';
import { asArray, asObject, asString, parseObject } from './json.ts';
import { messagesTier, messagesUsage, REASONING_SIGNATURE, reasoningOf, stopReason } from './messages-chat-terms.ts';

export function chatToMessagesAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const choice = asObject(asArray(body['choices'])?.[0]) ?? {};
  const message = asObject(choice['message']) ?? {};
  const content = toBlocks(message, context);
  const hasTools = content.some((block) => block['type'] === 'tool_use');
  return {
    id: asString(body['id']) ?? `msg_${context.requestId}`,
    type: 'message',
    role: 'assistant',
    model: context.model,
    content,
    ...stopFields(choice, hasTools, asString(message['refusal']) ?? ''),
    usage: messagesUsage(asObject(body['usage']), messagesTier(body['service_tier'])),
  };
}

function toBlocks(message: JsonObject, context: AnswerContext): JsonObject[] {
  const blocks: JsonObject[] = [];
  const reasoning = reasoningOf(message);
  const text = textOf(message['content']) + (asString(message['refusal']) ?? '');
  if (reasoning !== '') blocks.push({ type: 'thinking', thinking: reasoning, signature: REASONING_SIGNATURE });
  if (text !== '') blocks.push({ type: 'text', text });
  const calls = asArray(message['tool_calls']) ?? [];
  for (let i = 0; i < calls.length; i++) {
    const call = asObject(calls[i]);
    const definition = asObject(call?.['function']);
    if (definition !== null) blocks.push(toolUse(asString(call?.['id']), definition, context, i));
  }
  return blocks;
}

/** Content is a string; a few upstreams write parts. */
export function textOf(content: unknown): string {
  const parts = asArray(content);
  if (parts === null) return asString(content) ?? '';
  let text = '';
  for (const part of parts) text += asString(asObject(part)?.['text']) ?? '';
  return text;
}

function toolUse(id: string | null, definition: JsonObject, context: AnswerContext, index: number): JsonObject {
  const text = asString(definition['arguments']) ?? '';
  const input = text.trim() === '' ? {} : (parseObject(text) ?? { invalid_arguments: text });
  return { type: 'tool_use', id: toolUseId(id, context, index), name: asString(definition['name']) ?? '', input };
}

/** The upstream's id of a call, or one of our own where it gave none. */
export function toolUseId(id: string | null, context: AnswerContext, index: number): string {
  return id === null || id === '' ? `toolu_${context.requestId}_${index}` : id;
}

/** `stop_reason`, `stop_sequence` and `stop_details` of an answer whose `choice` is this one and that refused with these words. */
export function stopFields(choice: JsonObject, hasTools: boolean, refusal: string): JsonObject {
  const stop = stopReason(asString(choice['finish_reason']) ?? '', hasTools, refusal !== '');
  const sequence = stop === 'end_turn' ? asString(choice['stop_reason']) : null;
  const fields: JsonObject = {
    stop_reason: sequence === null ? stop : 'stop_sequence',
    stop_sequence: sequence,
  };
  if (stop === 'refusal')
    fields['stop_details'] = { type: 'refusal', category: null, explanation: refusal === '' ? null : refusal };
  return fields;
}
