/** What converters keep between events they tell, so that whoever runs them can budget and bound it: of each kind more than comes in a day. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { chatOverMessages } from '#wire/convert/chat-over-messages.ts';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { Crossing, JsonObject } from '#wire/convert/crossing.ts';
import { geminiOverChat } from '#wire/convert/gemini-over-chat.ts';
import { geminiOverMessages } from '#wire/convert/gemini-over-messages.ts';
import { messagesOverChat } from '#wire/convert/messages-over-chat.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const ROUNDS = 20_000;
/** Of the heap, for each character that is told: objects take more than their JSON, and a set more than its entries. */
const BYTES_A_CHAR_MAX = 6;
const SPARE_BYTES = 400_000;

const chat = (delta: JsonObject, more: JsonObject = {}): JsonObject => ({ choices: [{ index: 0, delta, ...more }] });
const call = (fields: JsonObject): JsonObject => chat({ tool_calls: [{ index: 0, ...fields }] });
const CALL = call({ id: 'c', function: { name: 'f', arguments: '{"x":"' } });
const SAID = { type: 'response.output_text.delta', output_index: 0 };
const OPEN = { type: 'response.output_item.added', output_index: 0, item: { type: 'message' } };
const block = (content_block: JsonObject, index = 0): JsonObject => ({
  type: 'content_block_start',
  index,
  content_block,
});
const delta = (fields: JsonObject): JsonObject => ({ type: 'content_block_delta', index: 0, delta: fields });
const logprob = { token: 'ab', logprob: -0.5, bytes: [97, 98], top_logprobs: [] };
const cited = { type: 'url_citation', url_citation: { url: 'https://a.example/', title: 't' } };
const search = (id: string): JsonObject => ({ type: 'server_tool_use', id, name: 'web_search', input: { query: 'q' } });

/** What is kept, the crossing, the first events, and those that are repeated. */
type Row = readonly [string, Crossing, readonly JsonObject[], (i: number) => readonly JsonObject[]];
const KEPT: readonly Row[] = [
  ['text', responsesOverChat, [], () => [chat({ content: 'abcd' })]],
  ['refusal', responsesOverChat, [], () => [chat({ refusal: 'abcd' })]],
  ['reasoning', responsesOverChat, [], () => [chat({ reasoning_content: 'abcd' })]],
  ['arguments', responsesOverChat, [CALL], () => [call({ function: { arguments: 'abcd' } })]],
  ['parts', responsesOverChat, [], () => [chat({ content: 'a' }), chat({ refusal: 'b' })]],
  ['items', responsesOverMessages, [], () => [block({ type: 'thinking', thinking: 'a' })]],
  [
    'log probabilities',
    responsesOverChat,
    [],
    () => [chat({ content: 'ab' }, { logprobs: { content: [{ ...logprob }] } })],
  ],
  ['annotations', responsesOverChat, [chat({ content: 'a' })], () => [chat({ annotations: [{ ...cited }] })]],
  [
    'text',
    responsesOverMessages,
    [block({ type: 'text', text: '' })],
    () => [delta({ type: 'text_delta', text: 'abcd' })],
  ],
  [
    'signatures',
    responsesOverMessages,
    [block({ type: 'thinking', thinking: '' })],
    () => [delta({ type: 'signature_delta', signature: 'abcd' })],
  ],
  [
    'input of searches',
    responsesOverMessages,
    [block(search('s'))],
    () => [delta({ type: 'input_json_delta', partial_json: 'abcd' })],
  ],
  ['searches', responsesOverMessages, [], (i) => [block(search(`s${i}`))]],
  [
    'citations',
    responsesOverMessages,
    [block({ type: 'text', text: 'a' })],
    (i) => [delta({ type: 'citations_delta', citation: { url: `https://a.example/${i}` } })],
  ],
  [
    'text behind a call',
    messagesOverChat,
    [CALL],
    () => [chat({ content: 'abcd' }), chat({ reasoning_content: 'abcd' })],
  ],
  ['refusal', messagesOverChat, [], () => [chat({ refusal: 'abcd' })]],
  ['arguments', geminiOverChat, [CALL], () => [call({ function: { arguments: 'abcd' } })]],
  [
    'arguments',
    geminiOverMessages,
    [block({ type: 'tool_use', id: 'c', name: 'f' })],
    () => [delta({ type: 'input_json_delta', partial_json: 'abcd' })],
  ],
  ['text', messagesOverResponses, [OPEN], () => [{ ...SAID, delta: 'abcd' }]],
  ...[messagesOverResponses, chatOverResponses].flatMap((crossing): Row[] => [
    ['waiting events', crossing, [OPEN], () => [{ ...SAID, output_index: 1, delta: 'abcd' }]],
    ['waiting items', crossing, [OPEN], (i) => [{ ...SAID, output_index: i + 1, delta: 'abcd' }]],
    ['told parts', crossing, [OPEN], (i) => [{ ...SAID, content_index: i, delta: 'a' }]],
    [
      'done items',
      crossing,
      [],
      (i) => [{ type: 'response.output_item.done', output_index: i, item: { type: 'message' } }],
    ],
  ]),
  [
    'annotations',
    chatOverResponses,
    [OPEN],
    (i) => [
      {
        type: 'response.output_text.annotation.added',
        output_index: 0,
        annotation_index: i,
        annotation: { type: 'url_citation', url: 'https://a.example/', title: 't' },
      },
    ],
  ],
];

for (const [what, crossing, first, repeated] of KEPT) {
  test(`${crossing.client} over ${crossing.upstream}: ${what} that ${/s$/.test(what) ? 'are' : 'is'} kept`, () => {
    const converter = crossing.stream(ANSWER_CONTEXT);
    const feed = (events: readonly JsonObject[]): void => {
      for (const event of events) converter.event('', JSON.parse(JSON.stringify(event)));
    };
    feed(first);
    collect();
    const [heapBefore, charsBefore] = [process.memoryUsage().heapUsed, converter.heldChars];
    for (let i = 0; i < ROUNDS; i++) feed(repeated(i));
    collect();
    const [heap, chars] = [process.memoryUsage().heapUsed - heapBefore, converter.heldChars - charsBefore];
    assert.ok(chars >= ROUNDS, `${chars} characters in ${ROUNDS} rounds`);
    assert.ok(heap < chars * BYTES_A_CHAR_MAX + SPARE_BYTES, `${heap} bytes for ${chars} characters`);
    converter.event('error', { type: 'error', error: { message: 'm' } });
    assert.equal(converter.heldChars, 0, 'nothing is kept behind an error');
  });
}

test('inputs of calls that a Messages upstream opens are told until their blocks stop', () => {
  const converter = chatOverMessages.stream(ANSWER_CONTEXT);
  converter.event('', { type: 'message_start', message: {} });
  const before = converter.heldChars;
  const tool = { type: 'tool_use', id: 't', name: 'f', input: { x: 'x'.repeat(10_000) } };
  for (const index of [0, 1, 1]) converter.event('', block(tool, index));
  assert.ok(converter.heldChars - before > 20_000 && converter.heldChars - before < 21_000);
  for (const index of [0, 1]) converter.event('', { type: 'content_block_stop', index });
  assert.equal(converter.heldChars, before);
});
