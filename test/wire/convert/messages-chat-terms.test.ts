import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chatTier,
  chatUsage,
  effortOfBudget,
  finishReason,
  messagesEffort,
  messagesTier,
  messagesUsage,
  reasoningOf,
  stopReason,
} from '#wire/convert/messages-chat-terms.ts';

test('every reason of Chat to stop is one of Messages', () => {
  const told = [
    'stop',
    'length',
    'tool_calls',
    'function_call',
    'content_filter',
    '',
    'new',
    'constructor',
    'STOP',
  ].map((reason) => [reason, stopReason(reason, false, false)]);
  assert.deepEqual(Object.fromEntries(told), {
    stop: 'end_turn',
    length: 'max_tokens',
    tool_calls: 'tool_use',
    function_call: 'tool_use',
    content_filter: 'refusal',
    '': 'end_turn',
    new: 'end_turn',
    constructor: 'end_turn',
    STOP: 'end_turn',
  });
});

test('an answer with calls that says stop has stopped for them; one cut short has not', () => {
  assert.equal(stopReason('stop', true, false), 'tool_use');
  assert.equal(stopReason('length', true, false), 'max_tokens');
});

test('words of refusal are a refusal, whatever the reason says', () => {
  assert.equal(stopReason('stop', false, true), 'refusal');
});

test('every reason of Messages to stop is one of Chat', () => {
  const reasons = [
    'end_turn',
    'max_tokens',
    'stop_sequence',
    'tool_use',
    'pause_turn',
    'refusal',
    'model_context_window_exceeded',
    'new',
    null,
  ];
  assert.deepEqual(reasons.map(finishReason), [
    'stop',
    'length',
    'stop',
    'tool_calls',
    'stop',
    'content_filter',
    'length',
    'stop',
    'stop',
  ]);
});

test('what was read from the cache and written to it is inside prompt_tokens and outside input_tokens', () => {
  const chat = {
    prompt_tokens: 100,
    completion_tokens: 30,
    total_tokens: 130,
    prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 25 },
    completion_tokens_details: { reasoning_tokens: 12 },
  };
  const messages = {
    input_tokens: 15,
    cache_creation_input_tokens: 25,
    cache_read_input_tokens: 60,
    output_tokens: 30,
    output_tokens_details: { thinking_tokens: 12 },
  };
  assert.deepEqual(messagesUsage(chat, null), messages);
  assert.deepEqual(chatUsage(messages), chat);
});

test('a sum of cache writes that is missing is made of its parts', () => {
  const usage = {
    input_tokens: 1,
    cache_creation_input_tokens: null,
    cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 4 },
    output_tokens: 8,
  };
  assert.equal(chatUsage(usage)['prompt_tokens'], 7);
});

test('usage that is missing or absurd is zeros, never negative', () => {
  const zeros = {
    input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 0,
  };
  assert.deepEqual(messagesUsage(null, null), zeros);
  assert.deepEqual(messagesUsage({ prompt_tokens: 'x', completion_tokens: -1, prompt_tokens_details: 7 }, null), zeros);
  assert.equal(
    messagesUsage({ prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 5 } }, null)['input_tokens'],
    0,
  );
  assert.equal(chatUsage(null)['total_tokens'], 0);
});

test('the tier that served an answer has a word on both sides, or none', () => {
  assert.deepEqual(['default', 'priority', 'flex', null].map(messagesTier), ['standard', 'priority', null, null]);
  assert.deepEqual(['standard', 'priority', 'batch', null].map(chatTier), ['default', 'priority', null, null]);
  assert.equal(messagesUsage(null, 'priority')['service_tier'], 'priority');
});

test('a budget of tokens is an effort, and every effort but none has a counterpart', () => {
  assert.deepEqual([1024, 4096, 4097, 16_384, 16_385].map(effortOfBudget), ['low', 'low', 'medium', 'medium', 'high']);
  assert.deepEqual(['minimal', 'low', 'medium', 'high', 'xhigh', 'max', 'new'].map(messagesEffort), [
    'low',
    'low',
    'medium',
    'high',
    'xhigh',
    'max',
    null,
  ]);
});

test('reasoning is read under both of its names', () => {
  assert.equal(reasoningOf({ reasoning_content: 'a', reasoning: 'b' }), 'a');
  assert.equal(reasoningOf({ reasoning_content: null, reasoning: 'b' }), 'b');
  assert.equal(reasoningOf({ reasoning: { effort: 'low' } }), '');
});
