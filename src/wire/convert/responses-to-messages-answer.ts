/**
 * What a Responses upstream answers, as a Messages answer. Pure.
 *
 *   reasoning          → thinking: its summary; without one it is left out
 *   message            → a text for each part; a refusal is a text, too; url_citation → citation of a page of the web
 *   function_call      → tool_use; arguments that are no JSON object are told as { arguments: text }
 *   custom_tool_call   → tool_use with { input: text }
 *   web_search_call    → server_tool_use and web_search_tool_result, with the addresses of what was found
 *   status             → stop_reason: incomplete is refusal for content_filter, else max_tokens; a refusal is refusal; with calls
 *                        tool_use; else end_turn
 *   usage              → input_tokens = input − cached − written to the cache
 *   status failed      → the error
 */
import { summaryText, UNSIGNED } from './carried-thinking.ts';
import type { AnswerContext, JsonObject } from './crossing.ts';
import { IN_STREAM, messagesOfOpenAi } from './error-kinds.ts';
import { asArray, asCount, asObject, asString, parseObject } from './json.ts';
import { isCall } from './responses-reader.ts';

export function responsesToMessagesAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  if (body['status'] === 'failed') {
    return messagesOfOpenAi(IN_STREAM, asObject(body['error']), context.requestId);
  }
  const content: JsonObject[] = [];
  const seen = new SeenItems();
  for (const value of asArray(body['output']) ?? []) {
    const item = asObject(value);
    if (item === null) continue;
    seen.add(item);
    addBlocks(item, context, content);
  }
  return {
    id: asString(body['id']) ?? `msg_${context.requestId}`,
    type: 'message',
    role: 'assistant',
    model: context.model,
    content,
    stop_reason: stopReasonOf(body, seen),
    stop_sequence: null,
    usage: usageOf(body, seen),
  };
}

/** What of an answer's items decides how it is said to have ended. */
export class SeenItems {
  calls = 0;
  searches = 0;
  refused = false;

  add(item: JsonObject): void {
    if (isCall(item)) this.calls++;
    else if (item['type'] === 'web_search_call') this.searches++;
    else if (item['type'] === 'message') {
      this.refused ||= (asArray(item['content']) ?? []).some((part) => asObject(part)?.['type'] === 'refusal');
    }
  }
}

export function stopReasonOf(response: JsonObject, seen: SeenItems): string {
  if (response['status'] === 'incomplete') {
    const reason = asObject(response['incomplete_details'])?.['reason'];
    return reason === 'content_filter' ? 'refusal' : 'max_tokens';
  }
  if (seen.refused) return 'refusal';
  return seen.calls > 0 ? 'tool_use' : 'end_turn';
}

export function usageOf(response: JsonObject, seen: SeenItems): JsonObject {
  const usage = asObject(response['usage']);
  const details = asObject(usage?.['input_tokens_details']);
  const cached = asCount(details?.['cached_tokens']);
  const written = asCount(details?.['cache_write_tokens']);
  const tier = asString(response['service_tier']);
  return {
    input_tokens: Math.max(0, asCount(usage?.['input_tokens']) - cached - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    output_tokens: asCount(usage?.['output_tokens']),
    output_tokens_details: {
      thinking_tokens: asCount(asObject(usage?.['output_tokens_details'])?.['reasoning_tokens']),
    },
    server_tool_use: seen.searches === 0 ? null : { web_search_requests: seen.searches, web_fetch_requests: 0 },
    service_tier: tier === 'default' ? 'standard' : tier === 'priority' ? 'priority' : null,
  };
}

function addBlocks(item: JsonObject, context: AnswerContext, content: JsonObject[]): void {
  if (item['type'] === 'reasoning') {
    const thinking = summaryText(item);
    if (thinking !== '') content.push({ type: 'thinking', thinking, signature: UNSIGNED });
  } else if (item['type'] === 'message') addTexts(item, content);
  else if (isCall(item)) {
    const text = asString(item['arguments']) ?? asString(item['input']) ?? '';
    content.push({ ...toolUse(item, context, content.length), input: inputOf(item, text) });
  } else if (item['type'] === 'web_search_call') content.push(...searchBlocks(item, context, content.length));
}

function addTexts(item: JsonObject, content: JsonObject[]): void {
  for (const value of asArray(item['content']) ?? []) {
    const part = asObject(value);
    const text = asString(part?.['text']) ?? asString(part?.['refusal']) ?? '';
    if (part === null || text === '') continue;
    const citations = (asArray(part['annotations']) ?? []).map((value) => citationOf(asObject(value), text));
    const cited = citations.filter((citation) => citation !== null);
    content.push({ type: 'text', text, citations: cited.length > 0 ? cited : null });
  }
}

/** `text`: what the annotation is about. Null: it cites no page of the web. */
export function citationOf(annotation: JsonObject | null, text: string): JsonObject | null {
  const url = asString(annotation?.['url']);
  if (annotation?.['type'] !== 'url_citation' || url === null) return null;
  return {
    type: 'web_search_result_location',
    url,
    title: asString(annotation['title']),
    encrypted_index: '',
    cited_text: text.slice(asCount(annotation['start_index']), asCount(annotation['end_index'])),
  };
}

/** A call's block without its input. */
export function toolUse(item: JsonObject, context: AnswerContext, at: number): JsonObject {
  const id = asString(item['call_id']) ?? asString(item['id']) ?? `toolu_${context.requestId}_${at}`;
  return { type: 'tool_use', id, name: asString(item['name']) ?? '' };
}

function inputOf(item: JsonObject, text: string): JsonObject {
  if (item['type'] === 'custom_tool_call') return { input: text };
  return text.trim() === '' ? {} : (parseObject(text) ?? { arguments: text });
}

export function searchBlocks(item: JsonObject, context: AnswerContext, at: number): [JsonObject, JsonObject] {
  const id = `srvtoolu_${context.requestId}_${at}`;
  const action = asObject(item['action']);
  const query = asString(action?.['query']) ?? asString(asArray(action?.['queries'])?.[0]) ?? '';
  const found: JsonObject[] = [];
  for (const source of asArray(action?.['sources']) ?? []) {
    const url = asString(asObject(source)?.['url']);
    if (url !== null) found.push({ type: 'web_search_result', url, title: url, encrypted_content: '', page_age: null });
  }
  const content =
    item['status'] === 'failed' ? { type: 'web_search_tool_result_error', error_code: 'unavailable' } : found;
  return [
    { type: 'server_tool_use', id, name: 'web_search', input: { query } },
    { type: 'web_search_tool_result', tool_use_id: id, content },
  ];
}
