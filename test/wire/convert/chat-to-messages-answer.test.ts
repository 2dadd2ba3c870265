import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatToMessagesAnswer, textOf } from '#wire/convert/chat-to-messages-answer.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';

const CONTEXT = { requestId: 'req-1', model: 'asked-for', createdAtSeconds: 7, includeUsage: false };

function convert(message: JsonObject, choice: JsonObject = {}): JsonObject {
  const choices = [
    { index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason: 'stop', ...choice },
  ];
  return chatToMessagesAnswer({ id: 'chatcmpl-1', model: 'served', choices, usage: {} }, CONTEXT);
}

function call(id: unknown, args: unknown): JsonObject {
  return { id, type: 'function', function: { name: 'f', arguments: args } };
}

test('an answer crosses with reasoning, text, calls and usage, under the name that was asked for', () => {
  const usage = { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } };
  const message = {
    role: 'assistant',
    reasoning_content: 'hm',
    content: 'hi',
    tool_calls: [call('a', '{"x":1}'), call('b', '')],
  };
  const choices = [{ index: 0, message, finish_reason: 'tool_calls' }];
  assert.deepEqual(
    chatToMessagesAnswer({ id: 'c', model: 'served', choices, usage, service_tier: 'default' }, CONTEXT),
    {
      id: 'c',
      type: 'message',
      role: 'assistant',
      model: 'asked-for',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'penstock-reasoning_content' },
        { type: 'text', text: 'hi' },
        { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
        { type: 'tool_use', id: 'b', name: 'f', input: {} },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: {
        input_tokens: 6,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 4,
        output_tokens: 5,
        service_tier: 'standard',
      },
    },
  );
});

test('every reason to stop crosses', () => {
  const told = ['stop', 'length', 'tool_calls', 'content_filter', null].map(
    (finish_reason) => convert({ content: 'x' }, { finish_reason })['stop_reason'],
  );
  assert.deepEqual(told, ['end_turn', 'max_tokens', 'tool_use', 'refusal', 'end_turn']);
});

test('a stop sequence that the upstream names is named', () => {
  const answer = convert({ content: 'x' }, { stop_reason: 'END' });
  assert.deepEqual([answer['stop_reason'], answer['stop_sequence']], ['stop_sequence', 'END']);
  const token = convert({ content: 'x' }, { stop_reason: 128_009 });
  assert.deepEqual([token['stop_reason'], token['stop_sequence']], ['end_turn', null]);
});

test('a refusal is the text, the reason to stop and its explanation', () => {
  const answer = convert({ refusal: 'I will not.' });
  assert.deepEqual(answer['content'], [{ type: 'text', text: 'I will not.' }]);
  assert.equal(answer['stop_reason'], 'refusal');
  assert.deepEqual(answer['stop_details'], { type: 'refusal', category: null, explanation: 'I will not.' });
});

test('arguments that are no JSON object are handed on as they are, not as nothing', () => {
  const { content } = convert({ tool_calls: [call('a', '{"cut'), call('b', '[1]')] }) as { content: JsonObject[] };
  assert.deepEqual(
    content.map(({ input }) => input),
    [{ invalid_arguments: '{"cut' }, { invalid_arguments: '[1]' }],
  );
});

test('an id that the upstream left out is made of the request', () => {
  const { content } = convert({ tool_calls: [call('', '{}'), call(null, '{}')] }) as { content: JsonObject[] };
  assert.deepEqual(
    content.map(({ id }) => id),
    ['toolu_req-1_0', 'toolu_req-1_1'],
  );
  assert.equal(chatToMessagesAnswer({ choices: [] }, CONTEXT)['id'], 'msg_req-1');
});

test('content in parts is their text', () => {
  assert.equal(textOf([{ type: 'text', text: 'a' }, null, { type: 'thinking' }, { text: 'b' }]), 'ab');
  assert.equal(textOf('c'), 'c');
  assert.equal(textOf({}), '');
});

test('an answer without choices is an empty message, not an exception', () => {
  for (const body of [{}, { choices: null }, { choices: [null] }, { choices: [{ message: 7 }] }])
    assert.deepEqual(chatToMessagesAnswer(body, CONTEXT)['content'], []);
});
