/**
 * The shapes of a Responses answer, as we write them for clients. Pure.
 *
 *   response = { id, object: "response", created_at, status, error, incomplete_details, model, output: [ item ], usage, ... }
 *   item     = message       { id, status, role: "assistant", content: [ output_text | refusal ] }
 *            | reasoning     { id, summary: [ { type: "summary_text", text } ], encrypted_content? }
 *            | function_call { id, status, call_id, name, namespace?, arguments }      arguments is JSON as text
 *            | custom_tool_call { id, status, call_id, name, namespace?, input }
 *            | web_search_call  { id, status, action: { type: "search", query, sources } }
 *
 * Fields that repeat the request (instructions, tools, temperature, ...) have the values of a request that did not set them: the
 * request is not at hand when its answer is turned.
 * Source: platform.openai.com/docs/api-reference/responses/object.
 */
import type { AnswerContext, JsonObject } from './crossing.ts';

/** Tokens as Responses counts them: cached ones are part of `input`, reasoning is part of `output`. */
export interface ResponsesTokens {
  readonly input: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/** Why an answer is not complete; null: it is. */
export type IncompleteReason = 'max_output_tokens' | 'content_filter' | 'max_messages' | null;

export interface ResponseParts {
  readonly id: string;
  readonly status: 'in_progress' | 'completed' | 'incomplete';
  readonly incompleteReason: IncompleteReason;
  readonly output: readonly JsonObject[];
  readonly tokens: ResponsesTokens | null;
  readonly serviceTier: string | null;
}

export function responseObject(context: AnswerContext, parts: ResponseParts): JsonObject {
  return {
    id: parts.id,
    object: 'response',
    created_at: context.createdAtSeconds,
    status: parts.status,
    background: false,
    error: null,
    incomplete_details: parts.incompleteReason === null ? null : { reason: parts.incompleteReason },
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    model: context.model,
    output: parts.output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: parts.serviceTier,
    store: false,
    temperature: null,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation: 'disabled',
    usage: parts.tokens === null ? null : usageObject(parts.tokens),
  };
}

function usageObject(tokens: ResponsesTokens): JsonObject {
  return {
    input_tokens: tokens.input,
    input_tokens_details: { cached_tokens: tokens.cached, cache_write_tokens: tokens.cacheWrite },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: tokens.input + tokens.output,
  };
}

/** `kind` is the protocol's prefix of an item's id: msg, rs, fc, ctc, ws. */
export function itemId(kind: string, context: AnswerContext, index: number): string {
  return `${kind}_${context.requestId}_${index}`;
}

export function messageItem(id: string, status: string, content: readonly JsonObject[]): JsonObject {
  return { id, type: 'message', status, role: 'assistant', content };
}

export function textPart(text: string, annotations: readonly JsonObject[], logprobs: readonly unknown[]): JsonObject {
  return { type: 'output_text', text, annotations, logprobs };
}

export function refusalPart(refusal: string): JsonObject {
  return { type: 'refusal', refusal };
}

/** `encrypted` null: there is nothing to carry. */
export function reasoningItem(id: string, text: string, encrypted: string | null): JsonObject {
  const item: JsonObject = { id, type: 'reasoning', summary: text === '' ? [] : [summaryPart(text)] };
  if (encrypted !== null) item['encrypted_content'] = encrypted;
  return item;
}

export function summaryPart(text: string): JsonObject {
  return { type: 'summary_text', text };
}

/** A call of a tool: of a function with its arguments, or of a free-form one with its input. */
export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  readonly namespace: string | null;
  readonly freeform: boolean;
  readonly text: string;
}

export function callItem(id: string, status: string, call: ToolCall): JsonObject {
  const type = call.freeform ? 'custom_tool_call' : 'function_call';
  const item: JsonObject = { id, type, status, call_id: call.callId, name: call.name };
  if (call.namespace !== null) item['namespace'] = call.namespace;
  item[call.freeform ? 'input' : 'arguments'] = call.text;
  return item;
}

export function callIdKind(freeform: boolean): string {
  return freeform ? 'ctc' : 'fc';
}

export function urlCitation(url: string, title: string, start: number, end: number): JsonObject {
  return { type: 'url_citation', url, title, start_index: start, end_index: end };
}
