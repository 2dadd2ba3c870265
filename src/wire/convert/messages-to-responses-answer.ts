/**
 * What a Messages upstream answers, as a Responses answer. Pure.
 *
 *   text              → a part of a message item; neighbours are parts of one message; citations of the web → url_citation
 *   thinking          → reasoning item: its text as summary, its signature carried along (`carried-thinking.ts`)
 *   tool_use          → function_call or custom_tool_call, by its name (`tool-names.ts`)
 *   server_tool_use web_search and its result → web_search_call
 *   stop_reason       → status and incomplete_details: max_tokens, model_context_window_exceeded → max_output_tokens;
 *                       refusal → content_filter; pause_turn → max_messages; anything else is complete
 *   usage             → input_tokens = input + cache read + cache written
 */
import { carriedThinking } from './carried-thinking.ts';
import type { AnswerContext, JsonObject } from './crossing.ts';
import { asArray, asCount, asObject, asString, parseObject, writeJson } from './json.ts';
import {
  callIdKind,
  callItem,
  type IncompleteReason,
  itemId,
  messageItem,
  type ResponsesTokens,
  reasoningItem,
  responseObject,
  type ToolCall,
  textPart,
  urlCitation,
} from './responses-object.ts';
import { originalName } from './tool-names.ts';

export function messagesToResponsesAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const incompleteReason = incompleteReasonOf(body['stop_reason']);
  const status = incompleteReason === null ? 'completed' : 'incomplete';
  const usage = asObject(body['usage']) ?? {};
  return responseObject(context, {
    id: asString(body['id']) ?? `resp_${context.requestId}`,
    status,
    incompleteReason,
    output: outputOf(asArray(body['content']) ?? [], context, status),
    tokens: tokensOf(usage),
    serviceTier: tierOf(usage),
  });
}

function outputOf(content: readonly unknown[], context: AnswerContext, status: string): JsonObject[] {
  const output: JsonObject[] = [];
  let message: JsonObject[] | null = null;
  for (const value of content) {
    const block = asObject(value);
    if (block === null) continue;
    if (block['type'] === 'text') {
      if (message === null) {
        message = [];
        output.push(messageItem(itemId('msg', context, output.length), 'completed', message));
      }
      const text = asString(block['text']) ?? '';
      message.push(textPart(text, annotationsOf(block['citations'], text.length), []));
      continue;
    }
    message = null;
    const item = itemOf(block, content, context, output.length);
    if (item !== null) output.push(item);
  }
  const last = output.at(-1);
  // Only the last item can have been cut off.
  if (last?.['status'] === 'completed' && last['type'] !== 'web_search_call') last['status'] = status;
  return output;
}

function itemOf(block: JsonObject, content: readonly unknown[], context: AnswerContext, at: number): JsonObject | null {
  switch (block['type']) {
    case 'thinking':
    case 'redacted_thinking':
      return reasoningItem(itemId('rs', context, at), asString(block['thinking']) ?? '', carriedThinking(block));
    case 'tool_use': {
      const call = callOf(block, at, context, writeJson(asObject(block['input']) ?? {}) ?? '{}');
      return callItem(itemId(callIdKind(call.freeform), context, at), 'completed', call);
    }
    case 'server_tool_use': {
      if (block['name'] !== 'web_search') return null;
      const result = content.map(asObject).find((other) => isResultOf(other, asString(block['id'])));
      return { id: itemId('ws', context, at), ...webSearchCall(asObject(block['input']) ?? {}, result ?? null) };
    }
    default:
      return null;
  }
}

function isResultOf(block: JsonObject | null, id: string | null): boolean {
  return block?.['type'] === 'web_search_tool_result' && block['tool_use_id'] === id;
}

/** `json`: the input as Messages tells it; a free-form call's is { input: text }. */
export function callOf(block: JsonObject, at: number, context: AnswerContext, json: string): ToolCall {
  const named = originalName(asString(block['name']) ?? '');
  const callId = asString(block['id']) ?? itemId('call', context, at);
  return { callId, ...named, text: named.freeform ? freeformInput(json) : json };
}

export function freeformInput(json: string): string {
  return asString(parseObject(json)?.['input']) ?? json;
}

/** The fields of a search beside its id; `result` null: none came. */
export function webSearchCall(input: JsonObject, result: JsonObject | null): JsonObject {
  const query = asString(input['query']) ?? '';
  const sources: JsonObject[] = [];
  for (const found of asArray(result?.['content']) ?? []) {
    const url = asString(asObject(found)?.['url']);
    if (url !== null) sources.push({ type: 'url', url });
  }
  const failed = result === null || asArray(result['content']) === null;
  return {
    type: 'web_search_call',
    status: failed ? 'failed' : 'completed',
    action: { type: 'search', query, queries: [query], sources },
  };
}

function annotationsOf(citations: unknown, textLength: number): JsonObject[] {
  const annotations: JsonObject[] = [];
  for (const value of asArray(citations) ?? []) {
    const annotation = annotationOf(asObject(value), textLength);
    if (annotation !== null) annotations.push(annotation);
  }
  return annotations;
}

/** Messages cites with the whole text of a block. Null: it cites no page of the web. */
export function annotationOf(citation: JsonObject | null, textLength: number): JsonObject | null {
  const url = asString(citation?.['url']);
  if (citation?.['type'] !== 'web_search_result_location' || url === null) return null;
  return urlCitation(url, asString(citation['title']) ?? '', 0, textLength);
}

export function incompleteReasonOf(stopReason: unknown): IncompleteReason {
  switch (stopReason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'max_output_tokens';
    case 'refusal':
      return 'content_filter';
    case 'pause_turn':
      return 'max_messages';
    default:
      return null;
  }
}

export function tokensOf(usage: JsonObject): ResponsesTokens {
  const cached = asCount(usage['cache_read_input_tokens']);
  const cacheWrite = asCount(usage['cache_creation_input_tokens']);
  return {
    input: asCount(usage['input_tokens']) + cached + cacheWrite,
    cached,
    cacheWrite,
    output: asCount(usage['output_tokens']),
    reasoning: asCount(asObject(usage['output_tokens_details'])?.['thinking_tokens']),
  };
}

export function tierOf(usage: JsonObject): string | null {
  const tier = asString(usage['service_tier']);
  return tier === 'standard' ? 'default' : tier;
}
