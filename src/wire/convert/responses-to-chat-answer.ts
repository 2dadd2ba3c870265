/**
 * What a Responses upstream answers, as a Chat answer. Pure.
 *
 *   message            → content: all texts in a row; refusal; url_citation → annotations; log probabilities
 *   reasoning          → reasoning_content: its summary, as upstreams of Chat write it that show their reasoning
 *   function_call, custom_tool_call → tool_calls
 *   web_search_call    → left out: Chat tells of a search by its citations alone
 *   status             → finish_reason: incomplete is content_filter or length; with calls tool_calls; else stop
 *   usage              → the same numbers under Chat's names
 *   status failed      → the error
 */
import { summaryText } from './carried-thinking.ts';
import type { AnswerContext, JsonObject } from './crossing.ts';
import { IN_STREAM, openAiErrorBody, openAiOfOpenAi } from './error-kinds.ts';
import { asArray, asCount, asObject, asString } from './json.ts';
import { isCall } from './responses-reader.ts';

export function responsesToChatAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  if (body['status'] === 'failed') return openAiErrorBody(openAiOfOpenAi(IN_STREAM, asObject(body['error'])));
  const said = new SaidInChat(context);
  for (const value of asArray(body['output']) ?? []) {
    const item = asObject(value);
    if (item !== null) said.item(item);
  }
  const choice = {
    index: 0,
    message: said.message(),
    logprobs: said.logprobs.length > 0 ? { content: said.logprobs, refusal: null } : null,
    finish_reason: finishReasonOf(body, said.calls.length),
  };
  return {
    id: asString(body['id']) ?? `chatcmpl-${context.requestId}`,
    object: 'chat.completion',
    created: context.createdAtSeconds,
    model: context.model,
    choices: [choice],
    usage: chatUsageOf(body),
    service_tier: asString(body['service_tier']),
  };
}

class SaidInChat {
  readonly calls: JsonObject[] = [];
  readonly logprobs: unknown[] = [];
  readonly #context: AnswerContext;
  readonly #annotations: JsonObject[] = [];
  readonly #reasoning: string[] = [];
  #text = '';
  #refusal = '';

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  item(item: JsonObject): void {
    if (isCall(item)) {
      const text = asString(item['arguments']) ?? asString(item['input']) ?? '';
      this.calls.push(toolCall(item, text, this.#context, this.calls.length));
    } else if (item['type'] === 'reasoning') {
      const text = summaryText(item);
      if (text !== '') this.#reasoning.push(text);
    } else if (item['type'] === 'message') {
      for (const value of asArray(item['content']) ?? []) this.#part(asObject(value) ?? {});
    }
  }

  message(): JsonObject {
    const message: JsonObject = {
      role: 'assistant',
      content: this.#text === '' ? null : this.#text,
      refusal: this.#refusal === '' ? null : this.#refusal,
    };
    if (this.#reasoning.length > 0) message['reasoning_content'] = this.#reasoning.join('\n\n');
    if (this.calls.length > 0) message['tool_calls'] = this.calls;
    if (this.#annotations.length > 0) message['annotations'] = this.#annotations;
    return message;
  }

  #part(part: JsonObject): void {
    this.#refusal += asString(part['refusal']) ?? '';
    for (const value of asArray(part['annotations']) ?? []) {
      const annotation = chatAnnotation(asObject(value), this.#text.length);
      if (annotation !== null) this.#annotations.push(annotation);
    }
    for (const logprob of asArray(part['logprobs']) ?? []) this.logprobs.push(logprob);
    this.#text += asString(part['text']) ?? '';
  }
}

/** `offset`: characters of the whole text before the part that is annotated. Null: it cites no page of the web. */
export function chatAnnotation(annotation: JsonObject | null, offset: number): JsonObject | null {
  const url = asString(annotation?.['url']);
  if (annotation?.['type'] !== 'url_citation' || url === null) return null;
  const start = asCount(annotation['start_index']) + offset;
  const end = asCount(annotation['end_index']) + offset;
  const title = asString(annotation['title']) ?? '';
  return { type: 'url_citation', url_citation: { url, title, start_index: start, end_index: end } };
}

/** `text`: the arguments of a function, or the input of a free-form tool. */
export function toolCall(item: JsonObject, text: string, context: AnswerContext, at: number): JsonObject {
  const id = asString(item['call_id']) ?? asString(item['id']) ?? `call_${context.requestId}_${at}`;
  const name = asString(item['name']) ?? '';
  if (item['type'] === 'custom_tool_call') return { id, type: 'custom', custom: { name, input: text } };
  return { id, type: 'function', function: { name, arguments: text } };
}

export function finishReasonOf(response: JsonObject, calls: number): string {
  if (response['status'] === 'incomplete') {
    const reason = asObject(response['incomplete_details'])?.['reason'];
    return reason === 'content_filter' ? 'content_filter' : 'length';
  }
  return calls > 0 ? 'tool_calls' : 'stop';
}

export function chatUsageOf(response: JsonObject): JsonObject {
  const usage = asObject(response['usage']);
  const input = asObject(usage?.['input_tokens_details']);
  const prompt = asCount(usage?.['input_tokens']);
  const completion = asCount(usage?.['output_tokens']);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: asCount(input?.['cached_tokens']),
      cache_write_tokens: asCount(input?.['cache_write_tokens']),
    },
    completion_tokens_details: {
      reasoning_tokens: asCount(asObject(usage?.['output_tokens_details'])?.['reasoning_tokens']),
    },
  };
}
