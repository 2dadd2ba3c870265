import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatToMessagesRequest } from '#wire/convert/chat-to-messages-request.ts';
import type { JsonObject, RequestResult } from '#wire/convert/crossing.ts';

const CONTEXT = { model: 'claude', stream: false, maxTokensDefault: 4096 };
const MESSAGES = [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }];

function convert(more: JsonObject): RequestResult {
  return chatToMessagesRequest({ model: 'gpt', messages: [{ role: 'user', content: 'hi' }], ...more }, CONTEXT);
}

/** What `more` adds to the bare request, and the names that it loses. */
function added(more: JsonObject): JsonObject {
  const { body, dropped, unsupported } = convert(more);
  assert.equal(unsupported, null);
  const { model, messages, max_tokens, ...rest } = body!;
  return dropped.length === 0 ? rest : { ...rest, dropped };
}

test('a bare request gets the limit that Messages requires', () => {
  assert.deepEqual(convert({}), {
    body: { model: 'claude', max_tokens: 4096, messages: MESSAGES },
    dropped: [],
    unsupported: null,
  });
});

test('the newer limit counts before the older, both before the default', () => {
  assert.equal(convert({ max_tokens: 5 }).body?.['max_tokens'], 5);
  assert.equal(convert({ max_tokens: 5, max_completion_tokens: 6 }).body?.['max_tokens'], 6);
});

test('whether to stream is told by the context', () => {
  const body = { messages: [], stream: true, stream_options: { include_usage: true } };
  const { body: out, dropped } = chatToMessagesRequest(body, { ...CONTEXT, stream: true });
  assert.deepEqual(out, { model: 'claude', max_tokens: 4096, messages: [], stream: true });
  assert.deepEqual(dropped, []);
});

test('each field has its counterpart', () => {
  const schema = { type: 'object' };
  const response_format = { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } };
  const format = { type: 'json_schema', schema };
  const adaptive = { type: 'adaptive' };
  const cases: [chat: JsonObject, messages: JsonObject][] = [
    [
      { temperature: 1, top_p: 0.5 },
      { temperature: 1, top_p: 0.5 },
    ],
    [{ stop: 'a' }, { stop_sequences: ['a'] }],
    [{ stop: ['a', 'b'] }, { stop_sequences: ['a', 'b'] }],
    [{ user: 'u' }, { metadata: { user_id: 'u' } }],
    [{ user: 'u', safety_identifier: 's' }, { metadata: { user_id: 's' } }],
    [{ service_tier: 'auto' }, { service_tier: 'auto' }],
    [{ service_tier: 'default' }, { service_tier: 'standard_only' }],
    [{ reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
    [{ reasoning_effort: 'minimal' }, { thinking: adaptive, output_config: { effort: 'low' } }],
    [{ reasoning_effort: 'xhigh' }, { thinking: adaptive, output_config: { effort: 'xhigh' } }],
    [{ response_format }, { output_config: { format } }],
    [
      { response_format, reasoning_effort: 'low' },
      { thinking: adaptive, output_config: { effort: 'low', format } },
    ],
    [{ response_format: { type: 'text' } }, {}],
  ];
  for (const [chat, messages] of cases) assert.deepEqual(added(chat), messages);
});

test('what changes nothing in the answer is left out by name', () => {
  const json_schema = { schema: {}, description: 'd' };
  const cases: [more: JsonObject, dropped: string[]][] = [
    [{ seed: 7 }, ['seed']],
    [
      { store: true, metadata: { a: 'b' }, verbosity: 'low', prediction: {} },
      ['store', 'metadata', 'verbosity', 'prediction'],
    ],
    [{ prompt_cache_key: 'k', prompt_cache_retention: '24h' }, ['prompt_cache_key', 'prompt_cache_retention']],
    [{ service_tier: 'flex' }, ['service_tier']],
    [{ from_the_future: 1, nothing: null }, ['from_the_future']],
    [{ stream_options: { include_obfuscation: true } }, ['stream_options.include_obfuscation']],
  ];
  for (const [more, dropped] of cases) assert.deepEqual(added(more), { dropped });
  const described = added({ response_format: { type: 'json_schema', json_schema } });
  assert.deepEqual(described['dropped'], ['response_format.json_schema.description']);
});

test('what would change the answer is refused at its path', () => {
  const cases: [more: JsonObject, path: string][] = [
    [{ n: 2 }, 'n'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ logit_bias: { '5': -100 } }, 'logit_bias'],
    [{ frequency_penalty: 0.5 }, 'frequency_penalty'],
    [{ presence_penalty: -1 }, 'presence_penalty'],
    [{ temperature: 1.1 }, 'temperature'],
    [{ temperature: '1' }, 'temperature'],
    [{ audio: { voice: 'x', format: 'wav' } }, 'audio'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ function_call: 'auto' }, 'function_call'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ moderation: { model: 'm' } }, 'moderation'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ response_format: { type: 'json_schema', json_schema: {} } }, 'response_format'],
    [{ reasoning_effort: 'new' }, 'reasoning_effort'],
    [{ stop: 5 }, 'stop'],
  ];
  for (const [more, path] of cases) {
    const { body, unsupported } = convert(more);
    assert.equal(body, null);
    assert.equal(unsupported?.path, path);
  }
});

test('fields that ask for what Messages does anyway are no reason to refuse', () => {
  const neutral = {
    n: 1,
    logprobs: false,
    top_logprobs: 0,
    logit_bias: {},
    frequency_penalty: 0,
    presence_penalty: null,
    modalities: ['text'],
    functions: [],
    stop: null,
  };
  assert.deepEqual(added(neutral), {});
});
