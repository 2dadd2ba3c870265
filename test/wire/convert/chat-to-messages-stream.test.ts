import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ChatToMessagesStream } from '#wire/convert/chat-to-messages-stream.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { assembleMessages } from './messages-chat-assembly.ts';
import { convertAll, readEvents } from './read-events.ts';

const CONTEXT = { requestId: 'req-1', model: 'asked-for', createdAtSeconds: 7, includeUsage: false };
const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'served' };
const USAGE = {
  prompt_tokens: 100,
  completion_tokens: 30,
  total_tokens: 130,
  prompt_tokens_details: { cached_tokens: 60 },
  completion_tokens_details: { reasoning_tokens: 12 },
};

function chunk(delta: JsonObject, finish_reason: string | null = null): JsonObject {
  return { ...HEAD, choices: [{ index: 0, delta, finish_reason }] };
}

function calls(...tool_calls: JsonObject[]): JsonObject {
  return chunk({ tool_calls });
}

function opened(index: number, id: string, name: string, text = ''): JsonObject {
  return { index, id, type: 'function', function: { name, arguments: text } };
}

function more(index: number, text: string): JsonObject {
  return { index, function: { arguments: text } };
}

const ROLE = chunk({ role: 'assistant', content: '' });

async function assembled(...events: JsonObject[]): Promise<JsonObject> {
  return assembleMessages(convertAll(new ChatToMessagesStream(CONTEXT), events));
}

async function contentOf(...events: JsonObject[]): Promise<unknown> {
  return (await assembled(...events, chunk({}, 'stop')))['content'];
}

function golden(t: TestContext, name: string, ...events: JsonObject[]): void {
  const text = convertAll(new ChatToMessagesStream(CONTEXT), events);
  const file = join(import.meta.dirname, 'golden', `chat-to-messages-${name}.golden`);
  t.assert.fileSnapshot(text, file, { serializers: [(value) => value] });
}

test('a stream of text', (t) => {
  const usage = { ...HEAD, choices: [], usage: USAGE };
  golden(t, 'text', ROLE, chunk({ content: 'Hel' }), chunk({ content: 'lo\n"you" 🎈' }), chunk({}, 'stop'), usage);
});

test('a stream of reasoning, text and parallel calls', (t) => {
  golden(
    t,
    'calls',
    ROLE,
    chunk({ reasoning_content: 'Hm' }),
    chunk({ reasoning_content: '.' }),
    chunk({ content: 'Let me see.' }),
    calls(opened(0, 'call_a', 'weather')),
    calls(more(0, '{"city":')),
    calls(more(0, '"Bern"}')),
    calls(opened(1, 'call_b', 'time')),
    calls(more(1, '{}')),
    { ...chunk({}, 'tool_calls'), usage: USAGE },
  );
});

test('a stream that breaks with an error', (t) => {
  const error = { message: 'Slow down.', type: 'requests', param: null, code: 'rate_limit_exceeded' };
  golden(t, 'error', ROLE, chunk({ content: 'Hel' }), { error });
});

test('nothing is said before the first chunk, and message_start before anything else', () => {
  const stream = new ChatToMessagesStream(CONTEXT);
  assert.equal(stream.event('ping', { type: 'ping' }), '');
  assert.equal(stream.event('', {}), '');
  const [first] = readEvents(stream.event('', chunk({ content: 'x' })));
  assert.equal(first?.name, 'message_start');
});

test('usage comes at the end, whichever chunk had it; the last one counts', async () => {
  const early = { ...chunk({ content: 'x' }), usage: { prompt_tokens: 1, completion_tokens: 1 } };
  const { usage } = await assembled(
    ROLE,
    early,
    { ...chunk({}, 'stop'), usage: USAGE },
    { ...HEAD, choices: [], usage: null },
  );
  assert.deepEqual(usage, {
    input_tokens: 40,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 60,
    output_tokens: 30,
    output_tokens_details: { thinking_tokens: 12 },
  });
});

test('every reason to stop crosses', async () => {
  const told = [];
  for (const reason of ['stop', 'length', 'tool_calls', 'content_filter'])
    told.push((await assembled(chunk({ content: 'x' }), chunk({}, reason)))['stop_reason']);
  assert.deepEqual(told, ['end_turn', 'max_tokens', 'tool_use', 'refusal']);
});

test('calls without end of their own, and those that end with stop, are tool use', async () => {
  const answer = await assembled(calls(opened(0, 'a', 'f', '{}')), chunk({}, 'stop'));
  assert.equal(answer['stop_reason'], 'tool_use');
});

test('a refusal is text, the reason to stop and its explanation', async () => {
  const answer = await assembled(chunk({ refusal: 'I ' }), chunk({ refusal: 'will not.' }), chunk({}, 'stop'));
  assert.deepEqual(answer['content'], [{ type: 'text', text: 'I will not.' }]);
  assert.equal(answer['stop_reason'], 'refusal');
  assert.deepEqual(answer['stop_details'], { type: 'refusal', category: null, explanation: 'I will not.' });
});

test('parallel calls are told apart however the upstream marks them', async () => {
  const expected = [
    { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
    { type: 'tool_use', id: 'b', name: 'g', input: { y: 2 } },
  ];
  const { index, ...a } = opened(0, 'a', 'f', '{"x":1}');
  const { index: _, ...b } = opened(0, 'b', 'g', '{"y":2}');
  const byIndex = [calls(opened(0, 'a', 'f'), opened(1, 'b', 'g')), calls(more(1, '{"y":2}'), more(0, '{"x":1}'))];
  assert.deepEqual(await contentOf(...byIndex), expected);
  const sameIndex = [calls(opened(0, 'a', 'f', '{"x":1}')), calls(opened(0, 'b', 'g', '{"y":2}'))];
  assert.deepEqual(await contentOf(...sameIndex), expected);
  assert.deepEqual(await contentOf(calls(a, b)), expected, 'without an index');
  const newIds = [
    calls(opened(0, 'a', 'f', '{"x"')),
    calls({ ...more(0, ':1}'), id: 'random' }),
    calls(opened(1, 'b', 'g', '{"y":2}')),
  ];
  assert.deepEqual(await contentOf(...newIds), expected, 'a new id in every part');
});

test('a call without an id gets one of the request, one without arguments an empty input', async () => {
  const content = await contentOf(calls({ index: 0, function: { name: 'f' } }));
  assert.deepEqual(content, [{ type: 'tool_use', id: 'toolu_req-1_0', name: 'f', input: {} }]);
});

test('text that comes back after a call is a block of its own', async () => {
  const content = await contentOf(chunk({ content: 'a' }), calls(opened(0, 'a', 'f', '{}')), chunk({ content: 'b' }));
  assert.deepEqual(
    (content as JsonObject[]).map(({ type }) => type),
    ['text', 'tool_use', 'text'],
  );
});

test('other choices pass by', async () => {
  const other = { ...HEAD, choices: [{ index: 1, delta: { content: 'no' }, finish_reason: null }] };
  assert.deepEqual(await contentOf(other, chunk({ content: 'yes' })), [{ type: 'text', text: 'yes' }]);
});

test('an end without a reason to stop invents none', () => {
  for (const events of [
    [],
    [ROLE],
    [ROLE, chunk({ content: 'x' })],
    [ROLE, chunk({}, ''), { ...HEAD, choices: [], usage: USAGE }],
  ]) {
    const stream = new ChatToMessagesStream(CONTEXT);
    for (const event of events) stream.event('', event);
    assert.equal(stream.end(), '');
  }
});

test('after its end, and after an error, a stream says nothing more', () => {
  const stream = new ChatToMessagesStream(CONTEXT);
  stream.event('', chunk({ content: 'x' }, 'stop'));
  assert.notEqual(stream.end(), '');
  assert.equal(stream.end() + stream.event('', chunk({ content: 'y' })), '');
  const broken = new ChatToMessagesStream(CONTEXT);
  broken.event('', chunk({}, 'stop'));
  assert.match(broken.event('error', { error: { message: 'm' } }), /^event: error\n/);
  assert.equal(broken.event('', chunk({ content: 'y' })) + broken.event('', { error: {} }) + broken.end(), '');
});

test('the SDK rejects with the error of a broken stream', async () => {
  const events = [ROLE, chunk({ content: 'x' }), { error: { message: 'Overloaded.', code: 'server_is_overloaded' } }];
  await assert.rejects(assembled(...events), /overloaded_error.*Overloaded\./s);
});

test('an upstream that sends endless calls is broken off with an error', () => {
  const stream = new ChatToMessagesStream(CONTEXT);
  let text = '';
  for (let i = 0; i <= 512; i++) text = stream.event('', calls(opened(i, `id${i}`, 'f')));
  assert.equal(readEvents(text).at(-1)?.name, 'error');
  assert.equal(stream.event('', chunk({}, 'stop')) + stream.end(), '');
});
