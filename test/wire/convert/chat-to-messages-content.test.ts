import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toMessages } from '#wire/convert/chat-to-messages-content.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { RequestLosses } from '#wire/convert/request-losses.ts';

function convert(...messages: unknown[]) {
  const losses = new RequestLosses();
  return { ...toMessages({ messages }, losses), dropped: losses.dropped, unsupported: losses.unsupported };
}

function text(value: string): JsonObject {
  return { type: 'text', text: value };
}

function call(id: string, args = '{}'): JsonObject {
  return { id, type: 'function', function: { name: 'f', arguments: args } };
}

test('leading system and developer messages are the system prompt, later ones stay in their place', () => {
  const { system, messages } = convert(
    { role: 'system', content: 'a' },
    { role: 'developer', content: [text('b'), text('c')] },
    { role: 'user', content: 'hi' },
    { role: 'developer', content: 'd' },
  );
  assert.deepEqual(system, [text('a'), text('b'), text('c')]);
  assert.deepEqual(messages, [
    { role: 'user', content: [text('hi')] },
    { role: 'system', content: [text('d')] },
  ]);
});

test('calls become tool_use, tool messages and the user message behind them one message of results', () => {
  const { messages } = convert(
    { role: 'assistant', content: 'let me see', tool_calls: [call('a', '{"x":[1]}'), call('b', '')] },
    { role: 'tool', tool_call_id: 'a', content: 'one' },
    { role: 'tool', tool_call_id: 'b', content: [text('two'), text('three')] },
    { role: 'user', content: 'go on' },
    { role: 'user', content: 'and on' },
  );
  assert.deepEqual(messages, [
    {
      role: 'assistant',
      content: [
        text('let me see'),
        { type: 'tool_use', id: 'a', name: 'f', input: { x: [1] } },
        { type: 'tool_use', id: 'b', name: 'f', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: [text('one')] },
        { type: 'tool_result', tool_use_id: 'b', content: [text('two'), text('three')] },
        text('go on'),
      ],
    },
    { role: 'user', content: [text('and on')] },
  ]);
});

test('results of a later turn are a message of their own', () => {
  const { messages } = convert(
    { role: 'assistant', tool_calls: [call('a')] },
    { role: 'tool', tool_call_id: 'a', content: '1' },
    { role: 'assistant', tool_calls: [call('b')] },
    { role: 'tool', tool_call_id: 'b', content: '2' },
  );
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['assistant', 'user', 'assistant', 'user'],
  );
});

test('an id with characters that Messages refuses is changed in the call and in its result alike', () => {
  const { messages } = convert(
    { role: 'assistant', tool_calls: [call('functions.f:0')] },
    { role: 'tool', tool_call_id: 'functions.f:0', content: '' },
  );
  assert.equal((messages[0]!['content'] as JsonObject[])[0]!['id'], 'functions_f_0');
  assert.deepEqual(messages[1]!['content'], [{ type: 'tool_result', tool_use_id: 'functions_f_0' }]);
});

test('images and files of the user, and images of tools, cross', () => {
  const image_url = { type: 'image_url', image_url: { url: 'https://x/y.png' } };
  const file = { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA' } };
  const image = { type: 'image', source: { type: 'url', url: 'https://x/y.png' } };
  const { messages } = convert({ role: 'user', content: [text('look'), image_url, file] });
  assert.deepEqual(messages[0]!['content'], [
    text('look'),
    image,
    { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' } },
  ]);
  const tool = convert({ role: 'tool', tool_call_id: 'a', content: [image_url] });
  assert.deepEqual(tool.messages[0]!['content'], [{ type: 'tool_result', tool_use_id: 'a', content: [image] }]);
});

test('a refusal of an earlier turn is what was said', () => {
  const parts = [text('well'), { type: 'refusal', refusal: 'no' }];
  assert.deepEqual(convert({ role: 'assistant', content: parts }).messages[0]!['content'], [text('well'), text('no')]);
  assert.deepEqual(convert({ role: 'assistant', content: null, refusal: 'no' }).messages[0]!['content'], [text('no')]);
});

test('text without a printing character is left out, and messages of nothing else with it', () => {
  const { system, messages } = convert(
    { role: 'system', content: '' },
    { role: 'user', content: [text(' \n'), text('x')] },
    { role: 'assistant', content: '' },
    { role: 'assistant', content: '', tool_calls: [call('a')] },
    { role: 'tool', tool_call_id: 'a', content: ' ' },
  );
  assert.deepEqual(system, []);
  assert.deepEqual(
    messages.map(({ content }) => (content as JsonObject[]).map(({ type }) => type)),
    [['text'], ['tool_use'], ['tool_result']],
  );
});

test('names, reasoning and cache marks are left out by name', () => {
  const marked = { ...text('x'), prompt_cache_breakpoint: { mode: 'explicit' } };
  const { dropped } = convert(
    { role: 'user', name: 'ann', content: [marked] },
    { role: 'assistant', content: 'y', reasoning_content: 'hm', annotations: [] },
  );
  assert.deepEqual(dropped, [
    'messages.name',
    'messages.content.prompt_cache_breakpoint',
    'messages.reasoning_content',
    'messages.annotations',
  ]);
});

test('what Messages cannot express is refused at its path', () => {
  const cases: [message: unknown, path: string][] = [
    [7, 'messages.0'],
    [{ role: 'function', name: 'f', content: 'x' }, 'messages.0.role'],
    [{ role: 'user' }, 'messages.0.content'],
    [{ role: 'user', content: [7] }, 'messages.0.content.0'],
    [{ role: 'user', content: [text('x'), { type: 'input_audio' }] }, 'messages.0.content.1'],
    [{ role: 'user', content: [{ type: 'text', text: 7 }] }, 'messages.0.content.0'],
    [{ role: 'system', content: [{ type: 'image_url' }] }, 'messages.0.content.0'],
    [{ role: 'assistant', audio: { id: 'a' } }, 'messages.0.audio'],
    [{ role: 'assistant', function_call: { name: 'f' } }, 'messages.0.function_call'],
    [{ role: 'assistant', content: [{ type: 'image_url' }] }, 'messages.0.content.0'],
    [{ role: 'assistant', tool_calls: 7 }, 'messages.0.tool_calls'],
    [{ role: 'assistant', tool_calls: [null] }, 'messages.0.tool_calls.0'],
    [{ role: 'assistant', tool_calls: [{ id: 'a', type: 'custom', custom: {} }] }, 'messages.0.tool_calls.0'],
    [{ role: 'assistant', tool_calls: [{ ...call('a'), id: '' }] }, 'messages.0.tool_calls.0.id'],
    [{ role: 'assistant', tool_calls: [call('a', '{"cut')] }, 'messages.0.tool_calls.0.function.arguments'],
    [{ role: 'assistant', tool_calls: [call('a', '[]')] }, 'messages.0.tool_calls.0.function.arguments'],
    [{ role: 'tool', content: 'x' }, 'messages.0.tool_call_id'],
    [{ role: 'tool', tool_call_id: 'a', content: [{ type: 'file' }] }, 'messages.0.content.0'],
  ];
  for (const [message, path] of cases) assert.equal(convert(message).unsupported?.path, path);
});
