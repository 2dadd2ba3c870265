import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { MessagesToChatStream } from '#wire/convert/messages-to-chat-stream.ts';
import { assembleChat } from './messages-chat-assembly.ts';
import { convertAll, readEvents } from './read-events.ts';

const CONTEXT = { requestId: 'req-1', model: 'asked-for', createdAtSeconds: 7, includeUsage: false };
const WITH_USAGE = { ...CONTEXT, includeUsage: true };
const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    model: 'served',
    content: [],
    usage: { input_tokens: 40, cache_read_input_tokens: 60, output_tokens: 1 },
  },
};
const STOP = { type: 'message_stop' };

function block(index: number, content_block: JsonObject, ...deltas: JsonObject[]): JsonObject[] {
  return [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

function text(index: number, ...parts: string[]): JsonObject[] {
  return block(index, { type: 'text', text: '' }, ...parts.map((part) => ({ type: 'text_delta', text: part })));
}

function tool(index: number, id: string, name: string, ...parts: string[]): JsonObject[] {
  const deltas = parts.map((partial_json) => ({ type: 'input_json_delta', partial_json }));
  return block(index, { type: 'tool_use', id, name, input: {} }, ...deltas);
}

function ending(stop_reason: string, more: JsonObject = {}): JsonObject[] {
  return [
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null, ...more }, usage: { output_tokens: 30 } },
    STOP,
  ];
}

async function assembled(...events: JsonObject[]): Promise<JsonObject> {
  const answer = await assembleChat(convertAll(new MessagesToChatStream(CONTEXT), events));
  return (answer['choices'] as JsonObject[])[0]!;
}

function golden(t: TestContext, name: string, context: typeof CONTEXT, ...events: JsonObject[]): void {
  const file = join(import.meta.dirname, 'golden', `messages-to-chat-${name}.golden`);
  const written = convertAll(new MessagesToChatStream(context), events);
  t.assert.fileSnapshot(written, file, { serializers: [(value) => value] });
}

test('a stream of text', (t) => {
  golden(t, 'text', CONTEXT, START, { type: 'ping' }, ...text(0, 'Hel', 'lo\n"you" 🎈'), ...ending('end_turn'));
});

test('a stream of thinking, text and parallel calls, with usage', (t) => {
  const thinking = [
    { type: 'thinking_delta', thinking: 'Hm.' },
    { type: 'signature_delta', signature: 'EqQB' },
  ];
  golden(
    t,
    'calls',
    WITH_USAGE,
    START,
    ...block(0, { type: 'thinking', thinking: '', signature: '' }, ...thinking),
    ...text(1, 'Let me see.'),
    ...tool(2, 'toolu_a', 'weather', '', '{"city":', '"Bern"}'),
    ...tool(3, 'toolu_b', 'time'),
    ...ending('tool_use'),
  );
});

test('a stream that breaks with an error', (t) => {
  const error = { type: 'overloaded_error', message: 'Overloaded' };
  golden(t, 'error', WITH_USAGE, START, ...text(0, 'Hel').slice(0, 2), { type: 'error', error });
});

test('usage is one chunk behind the finish, only when it was asked for; every other says null', () => {
  const events = [START, ...text(0, 'x'), ...ending('end_turn')];
  const asked = readEvents(convertAll(new MessagesToChatStream(WITH_USAGE), events));
  const usages = asked.map(({ data }) => (data === '[DONE]' ? 'done' : data['usage']));
  assert.deepEqual(usages, [
    null,
    null,
    null,
    {
      prompt_tokens: 100,
      completion_tokens: 30,
      total_tokens: 130,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
    'done',
  ]);
  const silent = convertAll(new MessagesToChatStream(CONTEXT), events);
  assert.ok(!silent.includes('usage'));
  assert.ok(silent.endsWith('data: [DONE]\n\n'));
});

test('usage is cumulative: what is not null replaces', () => {
  const usage = {
    input_tokens: 41,
    cache_read_input_tokens: null,
    output_tokens: 5,
    output_tokens_details: { thinking_tokens: 2 },
  };
  const events = [START, { type: 'message_delta', delta: {}, usage }, ...ending('end_turn')];
  const told = readEvents(convertAll(new MessagesToChatStream(WITH_USAGE), events)).at(-2)?.data as JsonObject;
  assert.deepEqual(told['usage'], {
    prompt_tokens: 101,
    completion_tokens: 30,
    total_tokens: 131,
    prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 2 },
  });
});

test('every reason to stop crosses', async () => {
  const reasons = [
    'end_turn',
    'max_tokens',
    'stop_sequence',
    'tool_use',
    'pause_turn',
    'refusal',
    'model_context_window_exceeded',
  ];
  const told = [];
  for (const reason of reasons)
    told.push((await assembled(START, ...text(0, 'x'), ...ending(reason)))['finish_reason']);
  assert.deepEqual(told, ['stop', 'length', 'stop', 'tool_calls', 'stop', 'content_filter', 'length']);
});

test('a refusal says why where Chat clients look for it', async () => {
  const stop_details = { type: 'refusal', category: 'bio', explanation: 'I will not.' };
  const choice = await assembled(START, ...ending('refusal', { stop_details }));
  assert.equal((choice['message'] as JsonObject)['refusal'], 'I will not.');
});

test('a call that streams nothing has the input that it began with', async () => {
  const began = { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } };
  const choice = await assembled(START, ...block(0, began), ...tool(1, 'b', 'g', ''), ...ending('tool_use'));
  const { tool_calls } = choice['message'] as { tool_calls: { function: object }[] };
  assert.deepEqual(
    tool_calls.map((call) => call.function),
    [
      { name: 'f', arguments: '{"x":1}' },
      { name: 'g', arguments: '{}' },
    ],
  );
});

test('blocks of tools that ran at the upstream pass by, and calls are counted without them', async () => {
  const server = block(
    0,
    { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
    { type: 'input_json_delta', partial_json: '{}' },
  );
  const choice = await assembled(START, ...server, ...text(1, 'x'), ...tool(2, 'a', 'f', '{}'), ...ending('tool_use'));
  const message = choice['message'] as JsonObject;
  assert.equal(message['content'], 'x');
  assert.equal((message['tool_calls'] as unknown[]).length, 1);
});

test('events are known by their name when the data does not say it', () => {
  const stream = new MessagesToChatStream(CONTEXT);
  const { type, ...data } = START;
  assert.match(stream.event('message_start', data), /"role":"assistant"/);
});

test('an upstream that leaves out message_start still gets its first chunk with the role', () => {
  const [first, second] = readEvents(new MessagesToChatStream(CONTEXT).event('', text(0, 'x')[1]!));
  assert.match(JSON.stringify(first?.data), /"id":"chatcmpl-req-1"/);
  assert.match(JSON.stringify(first?.data), /"delta":\{"role":"assistant","content":""\}/);
  assert.match(JSON.stringify(second?.data), /"delta":\{"content":"x"\}/);
});

test('an end without message_stop invents none', () => {
  const [delta] = ending('end_turn');
  for (const events of [[], [STOP], [START], [START, ...text(0, 'x')], [START, ...text(0, 'x'), delta!]]) {
    const stream = new MessagesToChatStream(CONTEXT);
    for (const event of events) stream.event('', event);
    assert.equal(stream.end(), '');
  }
});

test('after its end, and after an error, a stream says nothing more', () => {
  const stream = new MessagesToChatStream(CONTEXT);
  for (const event of [START, ...ending('end_turn')]) stream.event('', event);
  assert.equal(stream.event('', text(0, 'x')[1]!), '');
  assert.match(stream.end(), /\[DONE\]/);
  assert.equal(stream.end(), '');
  const broken = new MessagesToChatStream(CONTEXT);
  broken.event('', START);
  assert.match(broken.event('error', { error: { type: 'api_error', message: 'm' } }), /^data: \{"error":/);
  assert.equal(broken.event('', STOP) + broken.event('', START) + broken.end(), '');
});

test('the SDK rejects with the error of a broken stream', async () => {
  const events = [START, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded.' } }];
  await assert.rejects(assembled(...events), /Overloaded\./);
});

test('an input that is nested too deep to be written is an empty one, not an exception', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
  const stream = new MessagesToChatStream(CONTEXT);
  const [start, stop] = block(0, { type: 'tool_use', id: 'a', name: 'f', input: deep });
  stream.event('', start!);
  assert.match(stream.event('', stop!), /"arguments":"\{\}"/);
});
