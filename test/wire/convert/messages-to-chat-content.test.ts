import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, Unsupported } from '#wire/convert/crossing.ts';
import { REASONING_SIGNATURE } from '#wire/convert/messages-chat-terms.ts';
import { toChatMessages } from '#wire/convert/messages-to-chat-content.ts';
import { RequestLosses } from '#wire/convert/request-losses.ts';

interface Outcome {
  messages: JsonObject[];
  dropped: readonly string[];
  unsupported: Unsupported | null;
}

function convert(body: JsonObject): Outcome {
  const losses = new RequestLosses();
  const messages = toChatMessages(body, losses);
  return { messages, dropped: losses.dropped, unsupported: losses.unsupported };
}

function user(...content: unknown[]): Outcome {
  return convert({ messages: [{ role: 'user', content }] });
}

function assistant(...content: unknown[]): Outcome {
  return convert({ messages: [{ role: 'assistant', content }] });
}

const TEXT = { type: 'text', text: 'a' };

test('a text conversation stays one', () => {
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'ho' },
  ];
  assert.deepEqual(convert({ messages }), { messages, dropped: [], unsupported: null });
  assert.deepEqual(user(TEXT).messages, [{ role: 'user', content: 'a' }]);
});

test('system prompts come first, each block a part; later ones stay in their place', () => {
  const { messages } = convert({
    system: [TEXT, { type: 'text', text: 'b' }],
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'system', content: 'now' },
    ],
  });
  assert.deepEqual(messages, [
    { role: 'system', content: [TEXT, { type: 'text', text: 'b' }] },
    { role: 'user', content: 'hi' },
    { role: 'system', content: 'now' },
  ]);
  assert.deepEqual(convert({ system: 'one', messages: [] }).messages, [{ role: 'system', content: 'one' }]);
});

test("the line of Claude Code's accounting is left out by name", () => {
  const billing = { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.440;' };
  const { messages, dropped } = convert({ system: [billing, TEXT], messages: [] });
  assert.deepEqual(messages, [{ role: 'system', content: 'a' }]);
  assert.deepEqual(dropped, ['system.x-anthropic-billing-header']);
});

test('calls become tool_calls, results become tool messages in front of what else the user says', () => {
  const { messages } = convert({
    messages: [
      {
        role: 'assistant',
        content: [
          TEXT,
          { type: 'tool_use', id: 't1', name: 'f', input: { x: [1, '"'] } },
          { type: 'tool_use', id: 't2', name: 'g', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: 'one' },
          { type: 'tool_result', tool_use_id: 't2', content: [TEXT, TEXT] },
          { type: 'text', text: 'go on' },
        ],
      },
    ],
  });
  assert.deepEqual(messages, [
    {
      role: 'assistant',
      content: 'a',
      tool_calls: [
        { id: 't1', type: 'function', function: { name: 'f', arguments: '{"x":[1,"\\""]}' } },
        { id: 't2', type: 'function', function: { name: 'g', arguments: '{}' } },
      ],
    },
    { role: 'tool', tool_call_id: 't1', content: 'one' },
    { role: 'tool', tool_call_id: 't2', content: [TEXT, TEXT] },
    { role: 'user', content: 'go on' },
  ]);
});

test('a message of calls alone has no content', () => {
  const { messages } = assistant({ type: 'tool_use', id: 't', name: 'f', input: {} });
  assert.equal(messages[0]!['content'], null);
});

test('images in a result follow it in a user message that says whose they are', () => {
  const image = { type: 'image', source: { type: 'url', url: 'https://x/y.png' } };
  const { messages } = user(
    { type: 'tool_result', tool_use_id: 't1', content: [TEXT, image] },
    { type: 'text', text: 'z' },
  );
  assert.deepEqual(messages, [
    { role: 'tool', tool_call_id: 't1', content: 'a' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Belongs to the result of tool call t1:' },
        { type: 'image_url', image_url: { url: 'https://x/y.png' } },
        { type: 'text', text: 'z' },
      ],
    },
  ]);
});

test('a failed call says so in its text, or we say it', () => {
  const told = { type: 'tool_result', tool_use_id: 't', is_error: true, content: 'no such file' };
  assert.deepEqual(user(told), {
    messages: [{ role: 'tool', tool_call_id: 't', content: 'no such file' }],
    dropped: ['messages.content.is_error'],
    unsupported: null,
  });
  const untold = { type: 'tool_result', tool_use_id: 't', is_error: true };
  assert.equal(user(untold).messages[0]!['content'], 'The tool failed.');
  assert.equal(user({ type: 'tool_result', tool_use_id: 't' }).messages[0]!['content'], '');
});

test('images cross as base64 and by URL', () => {
  const base64 = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
  assert.deepEqual(user(TEXT, base64).messages[0]!['content'], [
    TEXT,
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
  ]);
  assert.deepEqual(
    user({ type: 'image', source: { type: 'file', file_id: 'f' } }).unsupported?.path,
    'messages.0.content.0.source',
  );
});

test('documents cross as PDF, as text, and as the blocks they are made of', () => {
  const pdf = { type: 'base64', media_type: 'application/pdf', data: 'AAAA' };
  const plain = { type: 'text', media_type: 'text/plain', data: 'words' };
  const file = { filename: 'T', file_data: 'data:application/pdf;base64,AAAA' };
  assert.deepEqual(user({ type: 'document', source: pdf, title: 'T', context: 'c' }).messages[0]!['content'], [
    { type: 'text', text: 'c' },
    { type: 'file', file },
  ]);
  assert.deepEqual(user({ type: 'document', source: pdf }).messages[0]!['content'], [
    { type: 'file', file: { ...file, filename: 'document.pdf' } },
  ]);
  assert.equal(user({ type: 'document', source: plain }).messages[0]!['content'], 'words');
  assert.equal(user({ type: 'document', source: plain, title: 'T' }).messages[0]!['content'], 'T\n\nwords');
  assert.deepEqual(
    user({ type: 'document', title: 'T', source: { type: 'content', content: [TEXT] } }).messages[0]!['content'],
    [{ type: 'text', text: 'T' }, TEXT],
  );
});

test('search results cross as their text, under title and source', () => {
  const block = { type: 'search_result', source: 's', title: 't', content: [TEXT] };
  assert.deepEqual(user(block).messages[0]!['content'], [{ type: 'text', text: 't\ns' }, TEXT]);
});

test('thinking goes back only to where it came from', () => {
  const own = { type: 'thinking', thinking: 'hm', signature: REASONING_SIGNATURE };
  const foreign = { type: 'thinking', thinking: 'hm', signature: 'EqQB' };
  assert.deepEqual(assistant(own, TEXT), {
    messages: [{ role: 'assistant', content: 'a', reasoning_content: 'hm' }],
    dropped: [],
    unsupported: null,
  });
  assert.deepEqual(assistant(foreign, { type: 'redacted_thinking', data: 'x' }, TEXT), {
    messages: [{ role: 'assistant', content: 'a' }],
    dropped: ['messages.content.thinking', 'messages.content.redacted_thinking'],
    unsupported: null,
  });
  assert.deepEqual(assistant(foreign).messages, []);
});

test('cache marks, callers and citations of earlier turns are left out by name', () => {
  const cache_control = { type: 'ephemeral' };
  const { dropped } = convert({
    system: [{ ...TEXT, cache_control }],
    messages: [
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'direct' } }] },
      { role: 'user', content: [{ ...TEXT, cache_control, citations: [{ type: 'char_location' }] }], new_field: 1 },
    ],
  });
  assert.deepEqual(dropped, [
    'system.cache_control',
    'messages.content.caller',
    'messages.new_field',
    'messages.content.cache_control',
    'messages.content.citations',
  ]);
});

test('what Chat cannot express is refused at its path', () => {
  const citations = { enabled: true };
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
  const cases: [body: JsonObject, path: string][] = [
    [{ messages: [7] }, 'messages.0'],
    [{ messages: {} }, 'messages'],
    [{ messages: [{ role: 'critic', content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user', content: null }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: ['x'] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages.0.content.0.text'],
    [{ messages: [{ role: 'user', content: [{ type: 'container_upload' }] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'user', content: [{ type: 'tool_result' }] }] }, 'messages.0.content.0.tool_use_id'],
    [{ messages: [{ role: 'assistant', content: [{ type: 'server_tool_use' }] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'assistant', content: [{ type: 'tool_use', input: deep }] }] }, 'messages.0.content.0.input'],
    [
      { messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'url' } }] }] },
      'messages.0.content.0.source',
    ],
    [{ messages: [{ role: 'user', content: [{ type: 'document', citations }] }] }, 'messages.0.content.0.citations'],
    [{ system: [{ type: 'image' }], messages: [] }, 'system.0'],
    [{ system: 7, messages: [] }, 'system'],
  ];
  for (const [body, path] of cases) assert.equal(convert(body).unsupported?.path, path);
});
