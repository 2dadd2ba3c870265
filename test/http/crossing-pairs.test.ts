/**
 * Every crossing over real threads: whole and streamed, a text and a call of a tool reach the client in its own protocol, and the row is
 * what the account reported. What each feature becomes is stated in test/wire/convert/.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Protocol } from '#base/protocols.ts';
import { CROSSINGS } from '#edge/crossings.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { type UsageRow, usageOf } from '../support/usage.ts';

const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const TEXT = 'Wasser fällt.';
const ARGUMENTS = { city: 'München' };
const TOOL = 'get_weather';

type Side = 'messages' | 'chat' | 'responses' | 'gemini';
const SIDES: readonly Side[] = ['messages', 'chat', 'responses', 'gemini'];

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const platforms = { messages: 'anthropic', chat: 'openai', responses: 'openai', gemini: 'gemini' } as const;
  gateway = await TestGateway.start({
    catalog: {
      groups: SIDES.map((side) => ({ name: side, platform: platforms[side], rateMultiplier: 1 })),
      accounts: SIDES.map((side) =>
        account(side, upstream.url, { platform: platforms[side], protocols: [side], groups: [side] }),
      ),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: SIDES.map((side) => ({ user: 'u1', group: side, key: `${KEY}-${side}` })),
    },
    pricing: { fallback: FALLBACK },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } };

/** A question with a tool in each client's protocol. */
function askAs(client: Side, served: Side, stream: boolean): Promise<Answer> {
  const key = `${KEY}-${served}`;
  const content = 'Weather in München?';
  if (client === 'messages') {
    const tools = [{ name: TOOL, input_schema: SCHEMA }];
    const body = { model: 'm', max_tokens: 64, stream, tools, messages: [{ role: 'user', content }] };
    return send(gateway.url, { key, body });
  }
  if (client === 'chat') {
    const tools = [{ type: 'function', function: { name: TOOL, parameters: SCHEMA } }];
    const body = { model: 'm', stream, tools, messages: [{ role: 'user', content }] };
    return send(gateway.url, { path: '/v1/chat/completions', key, body });
  }
  if (client === 'responses') {
    const tools = [{ type: 'function', name: TOOL, parameters: SCHEMA, strict: false }];
    return send(gateway.url, {
      path: '/v1/responses',
      key,
      body: { model: 'm', stream, store: false, tools, input: content },
    });
  }
  const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
  const tools = [{ functionDeclarations: [{ name: TOOL, parametersJsonSchema: SCHEMA }] }];
  const body = { contents: [{ role: 'user', parts: [{ text: content }] }], tools };
  return send(gateway.url, { path: `/v1beta/models/m:${verb}`, key, body });
}

const dataLine = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const typed = (data: { type: string }): string => `event: ${data.type}\n${dataLine(data)}`;
const JSON_ARGUMENTS = JSON.stringify(ARGUMENTS);

/** The same answer as each account says it: a text, then one call; 20 tokens in, 30 from the cache, 9 out. */
const WHOLE: Record<Side, object> = {
  messages: {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_reason: 'tool_use', stop_sequence: null },
    content: [
      { type: 'text', text: TEXT },
      { type: 'tool_use', id: 'call_1', name: TOOL, input: ARGUMENTS },
    ],
    usage: { input_tokens: 20, cache_read_input_tokens: 30, output_tokens: 9 },
  },
  chat: {
    ...{ id: 'c1', object: 'chat.completion', created: 1, model: 'm' },
    choices: [
      {
        index: 0,
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: TEXT,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: TOOL, arguments: JSON_ARGUMENTS } }],
        },
      },
    ],
    usage: { prompt_tokens: 50, completion_tokens: 9, total_tokens: 59, prompt_tokens_details: { cached_tokens: 30 } },
  },
  responses: {
    ...{ id: 'resp_1', object: 'response', created_at: 1, status: 'completed', model: 'm' },
    output: [
      {
        ...{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed' },
        content: [{ type: 'output_text', text: TEXT, annotations: [] }],
      },
      {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: TOOL,
        arguments: JSON_ARGUMENTS,
        status: 'completed',
      },
    ],
    usage: { input_tokens: 50, input_tokens_details: { cached_tokens: 30 }, output_tokens: 9, total_tokens: 59 },
  },
  gemini: {
    candidates: [
      {
        content: {
          role: 'model',
          parts: [{ text: TEXT }, { functionCall: { id: 'call_1', name: TOOL, args: ARGUMENTS } }],
        },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata: { promptTokenCount: 50, cachedContentTokenCount: 30, candidatesTokenCount: 9, totalTokenCount: 59 },
  },
};

function streamOf(side: Side): string {
  const whole = WHOLE[side] as Record<string, never>;
  if (side === 'gemini') return `data: ${JSON.stringify(whole)}\r\n\r\n`;
  if (side === 'chat') {
    const chunk = (choices: object[], more: object = {}): string =>
      dataLine({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...more });
    const delta = (fields: object, finish: string | null = null): string =>
      chunk([{ index: 0, delta: fields, finish_reason: finish }]);
    const call = { index: 0, id: 'call_1', type: 'function', function: { name: TOOL, arguments: '' } };
    return [
      delta({ role: 'assistant', content: '' }),
      delta({ content: TEXT }),
      delta({ tool_calls: [call] }),
      delta({ tool_calls: [{ index: 0, function: { arguments: JSON_ARGUMENTS } }] }),
      delta({}, 'tool_calls'),
      chunk([], { usage: whole['usage'] }),
      'data: [DONE]\n\n',
    ].join('');
  }
  if (side === 'messages') {
    const block = (index: number, start: object, part: object): string =>
      typed({ type: 'content_block_start', index, content_block: start } as never) +
      typed({ type: 'content_block_delta', index, delta: part } as never) +
      typed({ type: 'content_block_stop', index } as never);
    const message = { ...whole, content: [], stop_reason: null } as object;
    return [
      typed({ type: 'message_start', message } as never),
      block(0, { type: 'text', text: '' }, { type: 'text_delta', text: TEXT }),
      block(
        1,
        { type: 'tool_use', id: 'call_1', name: TOOL, input: {} },
        { type: 'input_json_delta', partial_json: JSON_ARGUMENTS },
      ),
      typed({
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: whole['usage'],
      } as never),
      typed({ type: 'message_stop' }),
    ].join('');
  }
  const [message, call] = whole['output'] as unknown as [Record<string, unknown>, Record<string, unknown>];
  const at = { output_index: 0, item_id: 'msg_1', content_index: 0 };
  const events = [
    { type: 'response.created', response: { ...(whole as object), status: 'in_progress', output: [], usage: null } },
    { type: 'response.output_item.added', output_index: 0, item: { ...message, content: [], status: 'in_progress' } },
    { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } },
    { type: 'response.output_text.delta', ...at, delta: TEXT },
    { type: 'response.output_text.done', ...at, text: TEXT },
    { type: 'response.content_part.done', ...at, part: (message['content'] as object[])[0] },
    { type: 'response.output_item.done', output_index: 0, item: message },
    { type: 'response.output_item.added', output_index: 1, item: { ...call, arguments: '', status: 'in_progress' } },
    { type: 'response.function_call_arguments.delta', output_index: 1, item_id: 'fc_1', delta: JSON_ARGUMENTS },
    { type: 'response.function_call_arguments.done', output_index: 1, item_id: 'fc_1', arguments: JSON_ARGUMENTS },
    { type: 'response.output_item.done', output_index: 1, item: call },
    { type: 'response.completed', response: whole },
  ];
  return events.map((event, index) => typed(Object.assign(event, { sequence_number: index }))).join('');
}

interface Seen {
  text: string;
  tool: string;
  arguments: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: documents of four protocols, read as a client would
type Any = Record<string, any>;

/** What a client of each protocol reads from a whole answer. */
const READ_WHOLE: Record<Side, (body: Any) => Seen> = {
  messages: ({ content }) => {
    const [call] = content.filter((block: Any) => block['type'] === 'tool_use');
    return { text: content[0].text, tool: call.name, arguments: call.input };
  },
  chat: ({ choices }) => {
    const [{ function: call }] = choices[0].message.tool_calls;
    return { text: choices[0].message.content, tool: call.name, arguments: JSON.parse(call.arguments) };
  },
  responses: ({ output }) => {
    const message = output.find((item: Any) => item['type'] === 'message');
    const call = output.find((item: Any) => item['type'] === 'function_call');
    return { text: message.content[0].text, tool: call.name, arguments: JSON.parse(call.arguments) };
  },
  gemini: ({ candidates }) => {
    const { parts } = candidates[0].content;
    const { functionCall } = parts.find((part: Any) => part['functionCall']);
    return {
      text: parts.find((part: Any) => part['text']).text,
      tool: functionCall.name,
      arguments: functionCall.args,
    };
  },
};

const eventsOf = (body: string): Any[] =>
  body
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)));

/** And from a stream, put together by hand. */
const READ_STREAM: Record<Side, (body: string) => Seen> = {
  messages: (body) => {
    const events = eventsOf(body);
    const deltas = events.flatMap(({ delta }) => delta ?? []);
    const start = events.find(({ content_block }) => content_block?.type === 'tool_use')!;
    const json = deltas.map(({ partial_json }) => partial_json ?? '').join('');
    assert.equal(events.at(-1)!['type'], 'message_stop');
    return {
      text: deltas.map(({ text }) => text ?? '').join(''),
      tool: start['content_block'].name,
      arguments: JSON.parse(json),
    };
  },
  chat: (body) => {
    assert.match(body, /data: \[DONE\]\n\n$/);
    const deltas = eventsOf(body).flatMap(({ choices }) => choices[0]?.delta ?? []);
    const calls = deltas.flatMap(({ tool_calls }) => tool_calls ?? []);
    const json = calls.map((call) => call.function?.arguments ?? '').join('');
    return {
      text: deltas.map(({ content }) => content ?? '').join(''),
      tool: calls.find((call) => call.function?.name).function.name,
      arguments: JSON.parse(json),
    };
  },
  responses: (body) => {
    const last = eventsOf(body).at(-1)!;
    assert.equal(last['type'], 'response.completed');
    return READ_WHOLE.responses(last['response']);
  },
  gemini: (body) => {
    const parts = eventsOf(body).flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
    return READ_WHOLE.gemini({ candidates: [{ content: { parts } }] });
  },
};

async function rowOf(answer: Answer): Promise<UsageRow & Record<string, unknown>> {
  const { rows } = await usageOf(gateway);
  const row = rows.find(({ requestId }) => requestId === answer.requestId);
  assert.ok(row !== undefined, 'the answer was billed');
  return row as UsageRow & Record<string, unknown>;
}

const EXPECTED: Seen = { text: TEXT, tool: TOOL, arguments: ARGUMENTS };

test('every two protocols cross that are meant to', () => {
  const pairs = CROSSINGS.map(({ client, upstream: served }) => `${client} over ${served}`);
  assert.deepEqual(pairs.sort(), [
    'chat over gemini',
    'chat over messages',
    'chat over responses',
    'gemini over chat',
    'gemini over messages',
    'messages over chat',
    'messages over gemini',
    'messages over responses',
    'responses over chat',
    'responses over messages',
  ]);
});

for (const { client, upstream: served } of CROSSINGS) {
  for (const stream of [false, true]) {
    test(`${client} over ${served}, ${stream ? 'streamed' : 'whole'}: text, tool call and usage arrive`, async () => {
      const body = stream ? streamOf(served) : JSON.stringify(WHOLE[served]);
      const headers: Record<string, string> = stream ? { 'content-type': 'text/event-stream' } : {};
      upstream.plan = () => ({ body: Buffer.from(body), cutBytesMax: 61, headers });
      const answer = await askAs(client, served, stream);
      assert.equal(answer.status, 200, answer.body.toString());
      const seen = stream ? READ_STREAM[client](answer.body.toString()) : READ_WHOLE[client](answer.json());
      assert.deepEqual(seen, EXPECTED);
      const row = await rowOf(answer);
      assert.deepEqual(
        [row.inputTokens, row.outputTokens, row['protocol'], row['upstreamProtocol'], row.usageSource, row.status],
        [20, 9, client satisfies Protocol, served, 'reported', 'completed'],
      );
    });
  }
}

test('a Gemini client that did not ask for events gets one array, whatever its account speaks', async () => {
  const headers = { 'content-type': 'text/event-stream' };
  upstream.plan = () => ({ body: Buffer.from(streamOf('messages')), cutBytesMax: 61, headers });
  const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
  const path = '/v1beta/models/m:streamGenerateContent';
  const answer = await send(gateway.url, { path, key: `${KEY}-messages`, body });
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  const chunks = JSON.parse(answer.body.toString()) as Any[];
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  assert.deepEqual(READ_WHOLE.gemini({ candidates: [{ content: { parts } }] }), EXPECTED);
});
