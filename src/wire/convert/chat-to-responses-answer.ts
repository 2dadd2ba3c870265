/**
 * What a Chat upstream answers, as a Responses answer. Pure. Only the first choice is read: more than one is never asked for.
 *
 *   reasoning_content, reasoning → reasoning item, marked so that it comes back (`carried-thinking.ts`)
 *   content, refusal             → parts of one message; annotations url_citation and log probabilities with the text
 *   tool_calls                   → function_call, custom_tool_call, under their original names
 *   finish_reason                → length is incomplete max_output_tokens, content_filter is that; anything else is complete
 *   usage                        → the same numbers under Responses' names
 */
import { CHAT_REASONING } from './carried-thinking.ts';
import type { AnswerContext, JsonObject } from './crossing.ts';
import { asArray, asCount, asObject, asString } from './json.ts';
import {
  callIdKind,
  callItem,
  type IncompleteReason,
  itemId,
  messageItem,
  type ResponsesTokens,
  reasoningItem,
  refusalPart,
  responseObject,
  textPart,
  urlCitation,
} from './responses-object.ts';
import { originalName } from './tool-names.ts';

export function chatToResponsesAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const choice = asObject(asArray(body['choices'])?.[0]) ?? {};
  const incompleteReason = incompleteReasonOf(choice['finish_reason']);
  const status = incompleteReason === null ? 'completed' : 'incomplete';
  return responseObject(context, {
    id: asString(body['id']) ?? `resp_${context.requestId}`,
    status,
    incompleteReason,
    output: outputOf(choice, context, status),
    tokens: tokensOf(asObject(body['usage'])),
    serviceTier: asString(body['service_tier']),
  });
}

function outputOf(choice: JsonObject, context: AnswerContext, status: string): JsonObject[] {
  const message = asObject(choice['message']) ?? {};
  const output: JsonObject[] = [];
  const reasoning = reasoningOf(message);
  if (reasoning !== '') output.push(reasoningItem(itemId('rs', context, 0), reasoning, CHAT_REASONING));
  const parts = partsOf(message, choice);
  const calls = asArray(message['tool_calls']) ?? [];
  const messageStatus = calls.length === 0 ? status : 'completed';
  if (parts.length > 0) output.push(messageItem(itemId('msg', context, output.length), messageStatus, parts));
  for (const [i, value] of calls.entries()) {
    const { key: _, ...call } = startOfCall(asObject(value) ?? {}, i, context);
    const callStatus = i === calls.length - 1 ? status : 'completed';
    output.push(callItem(itemId(callIdKind(call.freeform), context, output.length), callStatus, call));
  }
  return output;
}

function partsOf(message: JsonObject, choice: JsonObject): JsonObject[] {
  const parts: JsonObject[] = [];
  const text = asString(message['content']) ?? '';
  const annotations: JsonObject[] = [];
  for (const value of asArray(message['annotations']) ?? []) {
    const annotation = annotationOf(asObject(value));
    if (annotation !== null) annotations.push(annotation);
  }
  if (text !== '') parts.push(textPart(text, annotations, logprobsOf(choice)));
  const refusal = asString(message['refusal']) ?? '';
  if (refusal !== '') parts.push(refusalPart(refusal));
  return parts;
}

/** Reasoning in a message or a delta, under either of the names that upstreams give it; '' when there is none. */
export function reasoningOf(message: JsonObject): string {
  return asString(message['reasoning_content']) ?? asString(message['reasoning']) ?? '';
}

export function logprobsOf(choice: JsonObject): readonly unknown[] {
  return asArray(asObject(choice['logprobs'])?.['content']) ?? [];
}

/** Null: it cites no page of the web. */
export function annotationOf(annotation: JsonObject | null): JsonObject | null {
  const citation = asObject(annotation?.['url_citation']);
  const url = asString(citation?.['url']);
  if (citation === null || url === null) return null;
  const title = asString(citation['title']) ?? '';
  return urlCitation(url, title, asCount(citation['start_index']), asCount(citation['end_index']));
}

/** A call, or the first piece of one; its name is made what it was in the request. `key` is the number that it has here. */
export function startOfCall(call: JsonObject, key: number, context: AnswerContext) {
  const freeform = call['type'] === 'custom' || asObject(call['custom']) !== null;
  const called = asObject(call[freeform ? 'custom' : 'function']) ?? {};
  const { name, namespace } = originalName(asString(called['name']) ?? '');
  const callId = asString(call['id']) || itemId('call', context, key);
  const text = asString(called[freeform ? 'input' : 'arguments']) ?? '';
  return { key, callId, name, namespace, freeform, text };
}

export function incompleteReasonOf(finishReason: unknown): IncompleteReason {
  if (finishReason === 'length') return 'max_output_tokens';
  return finishReason === 'content_filter' ? 'content_filter' : null;
}

export function tokensOf(usage: JsonObject | null): ResponsesTokens {
  const prompt = asObject(usage?.['prompt_tokens_details']);
  return {
    input: asCount(usage?.['prompt_tokens']),
    cached: asCount(prompt?.['cached_tokens']),
    cacheWrite: asCount(prompt?.['cache_write_tokens']),
    output: asCount(usage?.['completion_tokens']),
    reasoning: asCount(asObject(usage?.['completion_tokens_details'])?.['reasoning_tokens']),
  };
}
