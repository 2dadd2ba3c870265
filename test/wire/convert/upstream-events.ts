/** Whole answers taken apart into the events in which an upstream would have streamed them. */
import type { JsonObject } from '#wire/convert/crossing.ts';
import type { UpstreamEvent } from './run-stream.ts';

/** Cuts `text` at random places; an empty text has no pieces. */
export function pieces(text: string, random: () => number): string[] {
  const cut: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + Math.floor(random() * 12);
    cut.push(text.slice(at, end));
    at = end;
  }
  return cut;
}

function named(data: JsonObject): UpstreamEvent {
  return { name: String(data['type']), data };
}

export function messagesEvents(answer: JsonObject, random: () => number): UpstreamEvent[] {
  const usage = answer['usage'] as JsonObject;
  const start = { ...answer, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const events = [named({ type: 'message_start', message: start }), named({ type: 'ping' })];
  for (const [index, block] of (answer['content'] as JsonObject[]).entries()) {
    const { empty, deltas } = blockParts(block, random);
    events.push(named({ type: 'content_block_start', index, content_block: empty }));
    for (const delta of deltas) events.push(named({ type: 'content_block_delta', index, delta }));
    events.push(named({ type: 'content_block_stop', index }));
  }
  const delta = { stop_reason: answer['stop_reason'], stop_sequence: null };
  events.push(named({ type: 'message_delta', delta, usage }), named({ type: 'message_stop' }));
  return events;
}

function blockParts(block: JsonObject, random: () => number): { empty: JsonObject; deltas: JsonObject[] } {
  if (block['type'] === 'text') {
    const deltas: JsonObject[] = pieces(String(block['text']), random).map((text) => ({ type: 'text_delta', text }));
    for (const citation of (block['citations'] as JsonObject[] | null) ?? []) {
      deltas.push({ type: 'citations_delta', citation });
    }
    return { empty: { ...block, text: '', citations: null }, deltas };
  }
  if (block['type'] === 'thinking') {
    const deltas: JsonObject[] = pieces(String(block['thinking']), random).map((thinking) => ({
      type: 'thinking_delta',
      thinking,
    }));
    deltas.push({ type: 'signature_delta', signature: block['signature'] });
    return { empty: { type: 'thinking', thinking: '', signature: '' }, deltas };
  }
  if (block['type'] !== 'tool_use' && block['type'] !== 'server_tool_use') return { empty: block, deltas: [] };
  const json = JSON.stringify(block['input']);
  const cut = json === '{}' ? [''] : ['', ...pieces(json, random)];
  const deltas = cut.map((partial_json) => ({ type: 'input_json_delta', partial_json }));
  return { empty: { ...block, input: {} }, deltas };
}

export function responsesEvents(answer: JsonObject, random: () => number): UpstreamEvent[] {
  const events: UpstreamEvent[] = [];
  const say = (type: string, fields: JsonObject) => {
    events.push(named({ type, sequence_number: events.length, ...fields }));
  };
  const begun = { ...answer, status: 'in_progress', output: [], usage: null, incomplete_details: null };
  say('response.created', { response: begun });
  say('response.in_progress', { response: begun });
  for (const [output_index, item] of (answer['output'] as JsonObject[]).entries()) {
    const at = { output_index, item_id: item['id'] };
    say('response.output_item.added', { output_index, item: emptyItem(item) });
    if (item['type'] === 'message') sayMessage(item, at, say, random);
    else if (item['type'] === 'reasoning') saySummary(item, at, say, random);
    else if (item['type'] === 'function_call') {
      for (const delta of pieces(String(item['arguments']), random)) {
        say('response.function_call_arguments.delta', { ...at, delta });
      }
      say('response.function_call_arguments.done', { ...at, arguments: item['arguments'] });
    } else if (item['type'] === 'custom_tool_call') {
      for (const delta of pieces(String(item['input']), random)) {
        say('response.custom_tool_call_input.delta', { ...at, delta });
      }
      say('response.custom_tool_call_input.done', { ...at, input: item['input'] });
    }
    say('response.output_item.done', { output_index, item });
  }
  say(`response.${answer['status']}`, { response: answer });
  return events;
}

type Say = (type: string, fields: JsonObject) => void;

function sayMessage(item: JsonObject, at: JsonObject, say: Say, random: () => number): void {
  for (const [content_index, part] of (item['content'] as JsonObject[]).entries()) {
    const where = { ...at, content_index };
    if (part['type'] === 'refusal') {
      say('response.content_part.added', { ...where, part: { type: 'refusal', refusal: '' } });
      for (const delta of pieces(String(part['refusal']), random)) say('response.refusal.delta', { ...where, delta });
      say('response.refusal.done', { ...where, refusal: part['refusal'] });
    } else {
      say('response.content_part.added', { ...where, part: { ...part, text: '', annotations: [] } });
      for (const delta of pieces(String(part['text']), random)) {
        say('response.output_text.delta', { ...where, delta, logprobs: [] });
      }
      for (const [annotation_index, annotation] of ((part['annotations'] as JsonObject[]) ?? []).entries()) {
        say('response.output_text.annotation.added', { ...where, annotation_index, annotation });
      }
      say('response.output_text.done', { ...where, text: part['text'], logprobs: [] });
    }
    say('response.content_part.done', { ...where, part });
  }
}

function saySummary(item: JsonObject, at: JsonObject, say: Say, random: () => number): void {
  for (const [summary_index, part] of (item['summary'] as JsonObject[]).entries()) {
    const where = { ...at, summary_index };
    say('response.reasoning_summary_part.added', { ...where, part: { ...part, text: '' } });
    for (const delta of pieces(String(part['text']), random)) {
      say('response.reasoning_summary_text.delta', { ...where, delta });
    }
    say('response.reasoning_summary_text.done', { ...where, text: part['text'] });
    say('response.reasoning_summary_part.done', { ...where, part });
  }
}

function emptyItem(item: JsonObject): JsonObject {
  if (item['type'] === 'message') return { ...item, status: 'in_progress', content: [] };
  if (item['type'] === 'function_call') return { ...item, status: 'in_progress', arguments: '' };
  if (item['type'] === 'custom_tool_call') return { ...item, status: 'in_progress', input: '' };
  return item['type'] === 'reasoning' ? { ...item, summary: [] } : { ...item, status: 'in_progress' };
}

export function chatChunks(answer: JsonObject, random: () => number): UpstreamEvent[] {
  const [choice] = answer['choices'] as [JsonObject];
  const message = choice['message'] as JsonObject;
  const events: UpstreamEvent[] = [];
  const head = { ...answer, object: 'chat.completion.chunk', usage: null };
  const say = (delta: JsonObject, finish_reason: unknown = null) => {
    events.push({ name: '', data: { ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] } });
  };
  say({ role: 'assistant', content: '' });
  for (const field of ['reasoning_content', 'content', 'refusal']) {
    for (const piece of pieces(String(message[field] ?? ''), random)) say({ [field]: piece });
  }
  for (const [index, call] of ((message['tool_calls'] as JsonObject[]) ?? []).entries())
    sayCall(call, index, say, random);
  say({}, choice['finish_reason']);
  events.push({ name: '', data: { ...head, choices: [], usage: answer['usage'] } });
  return events;
}

function sayCall(call: JsonObject, index: number, say: (delta: JsonObject) => void, random: () => number): void {
  const kind = String(call['type']);
  const field = kind === 'custom' ? 'input' : 'arguments';
  const called = call[kind] as JsonObject;
  say({ tool_calls: [{ index, id: call['id'], type: kind, [kind]: { ...called, [field]: '' } }] });
  for (const piece of pieces(String(called[field]), random))
    say({ tool_calls: [{ index, [kind]: { [field]: piece } }] });
}
