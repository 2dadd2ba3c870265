import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesToChatAnswer } from '#wire/convert/messages-to-chat-answer.ts';

const CONTEXT = { requestId: 'req-1', model: 'asked-for', createdAtSeconds: 7, includeUsage: false };

function choiceOf(body: JsonObject): JsonObject {
  return (messagesToChatAnswer(body, CONTEXT)['choices'] as JsonObject[])[0]!;
}

test('an answer crosses with thinking, text, calls and usage, under the name that was asked for', () => {
  const body = {
    id: 'msg_1',
    type: 'message',
    model: 'served',
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'EqQB' },
      { type: 'redacted_thinking', data: 'x' },
      { type: 'text', text: 'a' },
      { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
      { type: 'text', text: 'b' },
      { type: 'tool_use', id: 't1', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 't2', name: 'g', input: {} },
    ],
    stop_reason: 'tool_use',
    usage: { input_tokens: 6, cache_read_input_tokens: 4, output_tokens: 5, service_tier: 'priority' },
  };
  assert.deepEqual(messagesToChatAnswer(body, CONTEXT), {
    id: 'msg_1',
    object: 'chat.completion',
    created: 7,
    model: 'asked-for',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'ab',
          refusal: null,
          reasoning_content: 'hm',
          tool_calls: [
            { id: 't1', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
            { id: 't2', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ],
    usage: {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
    service_tier: 'priority',
  });
});

test('a refusal says why where Chat clients look for it', () => {
  const stop_details = { type: 'refusal', category: 'bio', explanation: 'I will not.' };
  const choice = choiceOf({ content: [], stop_reason: 'refusal', stop_details });
  assert.equal(choice['finish_reason'], 'content_filter');
  assert.deepEqual(choice['message'], { role: 'assistant', content: null, refusal: 'I will not.' });
  const other = choiceOf({ content: [], stop_reason: 'end_turn', stop_details });
  assert.deepEqual(other['message'], { role: 'assistant', content: null, refusal: null });
});

test('what the upstream left out is made of the request', () => {
  assert.equal(messagesToChatAnswer({}, CONTEXT)['id'], 'chatcmpl-req-1');
  const { tool_calls } = choiceOf({ content: [{ type: 'tool_use' }] })['message'] as JsonObject;
  assert.deepEqual(tool_calls, [{ id: 'call_req-1_0', type: 'function', function: { name: '', arguments: '{}' } }]);
});

test('content that is no list of blocks is no content', () => {
  for (const content of [null, 7, 'x', {}, [null, 7, { type: 'text' }]])
    assert.deepEqual(choiceOf({ content })['message'], { role: 'assistant', content: null, refusal: null });
});
