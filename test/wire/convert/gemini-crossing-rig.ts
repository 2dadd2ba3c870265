/** Runs crossings and reads what comes out of them, for the tests of those with Gemini on one side. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AnswerContext, Crossing, JsonObject, RequestContext, Unsupported } from '#wire/convert/crossing.ts';

export const REQUEST: RequestContext = { model: 'upstream-model', stream: false, maxTokensDefault: 4_096 };
export const ANSWER: AnswerContext = {
  requestId: 'req-1',
  model: 'client-model',
  createdAtSeconds: 1_790_000_000,
  includeUsage: true,
};

/** The upstream's request; what was dropped has to be what is said. */
export function turned(
  crossing: Crossing,
  body: JsonObject,
  dropped: readonly string[] = [],
  context: Partial<RequestContext> = {},
): JsonObject {
  const before = structuredClone(body);
  const result = crossing.request(body, { ...REQUEST, ...context });
  assert.deepEqual(result.unsupported, null);
  assert.deepEqual(result.dropped, dropped);
  assert.deepEqual(body, before, 'the client’s body is not changed');
  return result.body!;
}

/** What stands in the way; fails when nothing does. */
export function refused(crossing: Crossing, body: JsonObject, context: Partial<RequestContext> = {}): Unsupported {
  const result = crossing.request(body, { ...REQUEST, ...context });
  assert.ok(result.unsupported !== null, `not refused: ${JSON.stringify(result.body)}`);
  assert.equal(result.body, null);
  return result.unsupported;
}

export interface SentEvent {
  readonly event: string;
  /** Parsed, but for `[DONE]`. */
  readonly data: unknown;
}

/** The events in a text of whole frames; fails on anything else. */
export function parseEvents(text: string): SentEvent[] {
  if (text === '') return [];
  const frames = text.split(/\r\n\r\n|\n\n/);
  assert.equal(frames.pop(), '', 'the last frame is whole');
  return frames.map((frame) => {
    const lines = frame.split('\n');
    const event = lines.length > 1 ? /^event: (\S+)$/.exec(lines.shift()!)?.[1] : '';
    const data = /^data: ([^\n\r]+)$/.exec(lines[0]!)?.[1];
    assert.ok(event !== undefined && data !== undefined && lines.length === 1, `a frame of another form: ${frame}`);
    return { event, data: data === '[DONE]' ? data : JSON.parse(data) };
  });
}

/** Every event goes in with its type as its name, as Messages upstreams write it; `ends`: the upstream has ended properly. */
export function streamText(
  crossing: Crossing,
  events: readonly JsonObject[],
  ends = true,
  context: AnswerContext = ANSWER,
): string {
  const converter = crossing.stream(context);
  let text = '';
  for (const data of events) text += converter.event(typeof data['type'] === 'string' ? data['type'] : '', data);
  return ends ? text + converter.end() : text;
}

export function streamed(crossing: Crossing, events: readonly JsonObject[], ends = true): JsonObject[] {
  return parseEvents(streamText(crossing, events, ends)).map(({ data }) => data as JsonObject);
}

/** A chunk of a Gemini upstream. */
export function chunk(parts: readonly JsonObject[], rest: JsonObject = {}, finishReason?: string): JsonObject {
  return {
    candidates: [{ content: { role: 'model', parts }, ...(finishReason !== undefined && { finishReason }), index: 0 }],
    ...rest,
  };
}

/** What comes out of the stream and of the JSON form, as parts and an ending, to be compared. */
export interface GeminiAnswer {
  parts: JsonObject[];
  finishReason: unknown;
  usage: unknown;
}

/** Chunks of a Gemini client's stream as one answer: neighbouring pieces of text are joined. */
export function joinedChunks(chunks: readonly JsonObject[]): GeminiAnswer {
  const parts: JsonObject[] = [];
  let finishReason: unknown;
  let usage: unknown;
  for (const each of chunks) {
    const [candidate] = each['candidates'] as { content: { parts: JsonObject[] }; finishReason?: string }[];
    assert.ok(candidate!.content.parts.length > 0, 'no content is without parts');
    for (const part of candidate!.content.parts) if (!isNothing(part)) addPiece(parts, part);
    finishReason = candidate!.finishReason ?? finishReason;
    usage = each['usageMetadata'] ?? usage;
  }
  return { parts, finishReason, usage };
}

/** How an answer says that it has nothing more to say. */
function isNothing(part: JsonObject): boolean {
  return part['text'] === '' && part['thought'] === undefined;
}

function addPiece(parts: JsonObject[], part: JsonObject): void {
  const last = parts.at(-1);
  const joins =
    last !== undefined &&
    typeof last['text'] === 'string' &&
    typeof part['text'] === 'string' &&
    last['thought'] === part['thought'] &&
    last['thoughtSignature'] === undefined;
  if (joins) parts[parts.length - 1] = { ...last, ...part, text: `${last['text']}${part['text']}` };
  else parts.push(part);
}

/** Events of a Messages stream as the message they build. */
export function builtMessage(events: readonly JsonObject[]): JsonObject {
  let message: JsonObject = {};
  const blocks: JsonObject[] = [];
  const json: string[] = [];
  for (const each of events) {
    const index = each['index'] as number;
    if (each['type'] === 'message_start') message = { ...(each['message'] as JsonObject) };
    else if (each['type'] === 'content_block_start') {
      assert.equal(index, blocks.length, 'blocks are numbered in order');
      blocks.push({ ...(each['content_block'] as JsonObject) });
    } else if (each['type'] === 'content_block_delta')
      addDelta(blocks[index]!, each['delta'] as JsonObject, json, index);
    else if (each['type'] === 'content_block_stop' && json[index] !== undefined) {
      blocks[index]!['input'] = JSON.parse(json[index]);
    } else if (each['type'] === 'message_delta') {
      message = { ...message, ...(each['delta'] as JsonObject), usage: each['usage'] };
    }
  }
  return { ...message, content: blocks };
}

function addDelta(block: JsonObject, delta: JsonObject, json: string[], index: number): void {
  if (delta['type'] === 'text_delta') block['text'] = `${block['text']}${delta['text']}`;
  else if (delta['type'] === 'thinking_delta') block['thinking'] = `${block['thinking']}${delta['thinking']}`;
  else if (delta['type'] === 'signature_delta') block['signature'] = `${block['signature']}${delta['signature']}`;
  else if (delta['type'] === 'input_json_delta') json[index] = `${json[index] ?? ''}${delta['partial_json']}`;
}

/** Values that no upstream should send, and some do. */
export const GARBAGE: readonly unknown[] = [
  null,
  undefined,
  true,
  -1,
  1e300,
  '',
  'text',
  [],
  [null],
  [[]],
  {},
  { toString: 1 },
  [{}],
  [{ content: null }],
  [{ content: { parts: [null, 7, {}, { text: 7 }, { functionCall: null }, { functionCall: { args: 'x' } }] } }],
  [{ delta: { content: 7, tool_calls: [null, { index: -1 }, { index: 'x', function: { arguments: 7 } }] } }],
  [{ finish_reason: 7, finishReason: [], delta: null }],
  { type: 7, text: [], partial_json: {}, stop_reason: {} },
  { parts: [] },
  { parts: 7 },
];

export function nested(depth: number): JsonObject {
  let value: JsonObject = {};
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
}

const GOLDEN = join(import.meta.dirname, 'golden');

function goldenInput(name: string): unknown {
  return JSON.parse(readFileSync(join(GOLDEN, `${name}.json`), 'utf8'));
}

/**
 * What requests of real clients and one stream of the upstream become, in one file to be read by people:
 * `golden/<crossing>.golden`. The stream also with its end missing.
 */
export function assertGolden(t: TestContext, crossing: Crossing, requests: readonly string[], stream: string): void {
  const sections: string[] = [];
  for (const name of requests) {
    const result = crossing.request(goldenInput(name) as JsonObject, { ...REQUEST, stream: true });
    sections.push(`== ${name}`, JSON.stringify(result, null, 2));
  }
  const events = goldenInput(stream) as JsonObject[];
  sections.push(`== ${stream}`, streamText(crossing, events).replaceAll('\r', '\\r'));
  sections.push(
    `== ${stream} without its last event`,
    streamText(crossing, events.slice(0, -1)).replaceAll('\r', '\\r'),
  );
  const path = join(GOLDEN, `${crossing.client}-over-${crossing.upstream}.golden`);
  t.assert.fileSnapshot(`${sections.join('\n')}\n`, path, { serializers: [String] });
}
