/** Whole answers as the events of a stream that says the same, cut into pieces at random. */
import type { JsonObject } from '#wire/convert/crossing.ts';

type Random = () => number;

/** `text` in pieces; together they are the text, even when cut inside a character. */
export function pieces(text: string, random: Random): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + Math.floor(random() * 8);
    out.push(text.slice(at, end));
    at = end;
  }
  return out;
}

/** A Messages answer, as its API streams it: input known at the start, output at the end. */
export function messagesEvents(answer: JsonObject, random: Random): JsonObject[] {
  const usage = answer['usage'] as JsonObject;
  const message = {
    ...answer,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const events: JsonObject[] = [{ type: 'message_start', message }, { type: 'ping' }];
  (answer['content'] as JsonObject[]).forEach((block, index) => {
    events.push({ type: 'content_block_start', index, content_block: emptied(block) });
    for (const delta of deltasOf(block, random)) events.push({ type: 'content_block_delta', index, delta });
    events.push({ type: 'content_block_stop', index });
  });
  const { stop_reason, stop_sequence, stop_details } = answer;
  events.push({ type: 'message_delta', delta: { stop_reason, stop_sequence, stop_details }, usage });
  events.push({ type: 'message_stop' });
  return events;
}

function emptied(block: JsonObject): JsonObject {
  if (block['type'] === 'text') return { ...block, text: '' };
  return block['type'] === 'thinking' ? { ...block, thinking: '', signature: '' } : { ...block, input: {} };
}

function deltasOf(block: JsonObject, random: Random): JsonObject[] {
  if (block['type'] === 'text')
    return pieces(block['text'] as string, random).map((text) => ({ type: 'text_delta', text }));
  if (block['type'] === 'tool_use') {
    const text = JSON.stringify(block['input']);
    // The API writes nothing for an empty input, and an empty piece before any other.
    const parts = text === '{}' && random() < 0.5 ? [] : ['', ...pieces(text, random)];
    return parts.map((partial_json) => ({ type: 'input_json_delta', partial_json }));
  }
  const thinking = pieces(block['thinking'] as string, random).map((text) => ({
    type: 'thinking_delta',
    thinking: text,
  }));
  return [...thinking, { type: 'signature_delta', signature: block['signature'] }];
}

/** A Chat answer, as its API streams it; parts of parallel calls come interleaved half of the time. */
export function chatEvents(answer: JsonObject, random: Random): JsonObject[] {
  const choice = (answer['choices'] as JsonObject[])[0]!;
  const message = choice['message'] as JsonObject;
  const deltas: JsonObject[] = [{ role: 'assistant', content: '' }];
  for (const field of ['reasoning_content', 'content', 'refusal']) {
    for (const text of pieces((message[field] as string | null | undefined) ?? '', random))
      deltas.push({ [field]: text });
  }
  deltas.push(...callDeltas((message['tool_calls'] ?? []) as JsonObject[], random));
  const head = {
    id: answer['id'],
    object: 'chat.completion.chunk',
    created: 5,
    model: 'up',
    service_tier: answer['service_tier'],
  };
  const events: JsonObject[] = deltas.map((delta) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: null }],
    usage: null,
  }));
  events.push({ ...head, choices: [{ index: 0, delta: {}, finish_reason: choice['finish_reason'] }] });
  events.push({ ...head, choices: [], usage: answer['usage'] });
  return events;
}

function callDeltas(calls: readonly JsonObject[], random: Random): JsonObject[] {
  const rows = calls.map((call, index) => {
    const { name, arguments: text } = call['function'] as { name: string; arguments: string };
    const first = { index, id: call['id'], type: 'function', function: { name, arguments: '' } };
    return [first, ...pieces(text, random).map((piece) => ({ index, function: { arguments: piece } }))];
  });
  const parts = random() < 0.5 ? rows.flat() : shuffledTogether(rows, random);
  return parts.map((part) => ({ tool_calls: [part] }));
}

/** Takes from the rows at random, each in its own order; they begin in the order in which they stand. */
function shuffledTogether<T>(rows: readonly T[][], random: Random): T[] {
  const left = [...rows];
  const out: T[] = [];
  let begun = 0;
  while (left.length > 0) {
    const at = Math.floor(random() * Math.min(left.length, begun + 1));
    if (at === begun) begun++;
    out.push(left[at]!.shift()!);
    if (left[at]!.length > 0) continue;
    left.splice(at, 1);
    begun--;
  }
  return out;
}
