/**
 * What the mock upstream streams in each protocol: an opening, events that differ in their text alone, and an end with the usage; each
 * frame of the vendor's own form and length. Pure.
 */

/** `chat with usage`: a Chat stream that was asked for its usage. */
export type ScriptKind = 'messages' | 'chat' | 'chat with usage' | 'responses' | 'gemini' | 'gemini array';

export interface StreamScript {
  contentType: string;
  /** What comes before the events, and behind them. */
  opening: string;
  closing: string;
  /** One event with this text. */
  event(text: string): string;
}

/** Of every request, by the upstream's account. */
const INPUT_TOKENS = 25;

const SSE = 'text/event-stream; charset=utf-8';
const JSON_TYPE = 'application/json; charset=UTF-8';
const ARRAY_MARK = '\n,\r\n';

function named(event: { type: string; [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function unnamed(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

export function messagesUsage(outputTokens: number): object {
  return {
    input_tokens: INPUT_TOKENS,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: outputTokens,
  };
}

function messages(outputTokens: number): StreamScript {
  const usage = messagesUsage(outputTokens);
  const message = {
    id: 'msg_bench',
    type: 'message',
    role: 'assistant',
    model: 'claude-haiku-4-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
  return {
    contentType: SSE,
    opening:
      named({ type: 'message_start', message }) +
      named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event: (text) => named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    closing:
      named({ type: 'content_block_stop', index: 0 }) +
      named({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage }) +
      named({ type: 'message_stop' }),
  };
}

function chat(outputTokens: number, usageAsked: boolean): StreamScript {
  const chunk = (choices: object[], usage: object | null): string =>
    unnamed({
      id: 'chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
      object: 'chat.completion.chunk',
      created: 1741570283,
      model: 'gpt-5',
      service_tier: 'default',
      system_fingerprint: 'fp_fc9f1d7035',
      choices,
      ...(usageAsked && { usage }),
    });
  const delta = (of: object, finish: string | null = null): string =>
    chunk([{ index: 0, delta: of, logprobs: null, finish_reason: finish }], null);
  const usage = {
    prompt_tokens: INPUT_TOKENS,
    completion_tokens: outputTokens,
    total_tokens: INPUT_TOKENS + outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
  return {
    contentType: SSE,
    opening: delta({ role: 'assistant', content: '', refusal: null }),
    event: (content) => delta({ content }),
    closing: `${delta({}, 'stop')}${usageAsked ? chunk([], usage) : ''}data: [DONE]\n\n`,
  };
}

function responses(outputTokens: number): StreamScript {
  const usage = {
    input_tokens: INPUT_TOKENS,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: INPUT_TOKENS + outputTokens,
  };
  const response = {
    id: 'resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad346c92cb',
    object: 'response',
    created_at: 1741487325,
    status: 'in_progress',
    error: null,
    model: 'gpt-5',
    output: [],
    service_tier: 'default',
    usage: null,
  };
  const place = {
    item_id: 'msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad346c92cb',
    output_index: 0,
    content_index: 0,
  };
  const part = { type: 'output_text', text: '', annotations: [] };
  const item = { id: place.item_id, type: 'message', status: 'in_progress', role: 'assistant', content: [] };
  return {
    contentType: SSE,
    opening:
      named({ type: 'response.created', sequence_number: 0, response }) +
      named({ type: 'response.in_progress', sequence_number: 1, response }) +
      named({ type: 'response.output_item.added', sequence_number: 2, output_index: 0, item }) +
      named({ type: 'response.content_part.added', sequence_number: 3, ...place, part }),
    event: (delta) =>
      named({
        type: 'response.output_text.delta',
        sequence_number: 4,
        ...place,
        delta,
        logprobs: [],
        obfuscation: 'aB3dE5gH7jK9',
      }),
    closing:
      named({ type: 'response.output_text.done', sequence_number: 5, ...place, text: '' }) +
      named({ type: 'response.completed', sequence_number: 6, response: { ...response, status: 'completed', usage } }),
  };
}

/** As an array it has the same chunks with `ARRAY_MARK` between them. */
function gemini(outputTokens: number, isArray: boolean): StreamScript {
  const chunk = (text: string, end: object = {}): string =>
    JSON.stringify({
      candidates: [{ content: { parts: [{ text }], role: 'model' }, ...end, index: 0 }],
      usageMetadata: {
        promptTokenCount: INPUT_TOKENS,
        candidatesTokenCount: outputTokens,
        totalTokenCount: INPUT_TOKENS + outputTokens,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: INPUT_TOKENS }],
      },
      modelVersion: 'gemini-3.5-flash',
      responseId: 'mAitaLmkHPPlz7IPvtfUqQ4',
    });
  const last = chunk('', { finishReason: 'STOP' });
  if (isArray) {
    return {
      contentType: JSON_TYPE,
      opening: `[${chunk('So')}`,
      event: (text) => `${ARRAY_MARK}${chunk(text)}`,
      closing: `${ARRAY_MARK}${last}\n]`,
    };
  }
  const frame = (data: string): string => `data: ${data}\r\n\r\n`;
  return {
    contentType: SSE,
    opening: frame(chunk('So')),
    event: (text) => frame(chunk(text)),
    closing: frame(last),
  };
}

/** Its usage says that `outputTokens` were generated. */
export function streamScript(kind: ScriptKind, outputTokens: number): StreamScript {
  switch (kind) {
    case 'messages':
      return messages(outputTokens);
    case 'chat':
    case 'chat with usage':
      return chat(outputTokens, kind === 'chat with usage');
    case 'responses':
      return responses(outputTokens);
    case 'gemini':
    case 'gemini array':
      return gemini(outputTokens, kind === 'gemini array');
  }
}

/** By the target of a request and whether its body asks a Chat stream for its usage. */
export function scriptKind(target: string, usageAsked: boolean): ScriptKind {
  if (target.includes('/chat/completions')) return usageAsked ? 'chat with usage' : 'chat';
  if (target.includes('/responses')) return 'responses';
  if (target.includes(':streamGenerateContent')) return target.includes('alt=sse') ? 'gemini' : 'gemini array';
  return 'messages';
}

/** Words of so many bytes. */
export function words(bytes: number): string {
  return 'water under pressure '.repeat(Math.ceil(bytes / 21)).slice(0, bytes);
}
