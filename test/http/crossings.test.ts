/** Clients of one protocol over accounts of another: what they get is their own protocol, and is billed as the account reported it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { streamFrames } from '../support/anthropic-answer.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, type Call, parseEvents, question, send } from '../support/http-client.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { type UsageRow, usageOf } from '../support/usage.ts';

const SSE = { 'content-type': 'text/event-stream' };
const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'anthropic', rateMultiplier: 1, modelPlatforms: { 'both-*': 'openai' } }],
      accounts: [
        account('claude', upstream.url, { models: ['claude*', 'both*'] }),
        account('gpt', upstream.url, { platform: 'openai', models: ['gpt*', 'both*'], protocols: ['chat'] }),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
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

function script(text: string, plan: Plan = {}): void {
  upstream.plan = () => ({ body: Buffer.from(text), cutBytesMax: 41, ...plan });
}

async function rowOf(answer: Answer): Promise<UsageRow & Record<string, unknown>> {
  const { rows } = await usageOf(gateway);
  const row = rows.find(({ requestId }) => requestId === answer.requestId);
  assert.ok(row !== undefined, 'the answer was billed');
  return row as UsageRow & Record<string, unknown>;
}

function messages(fields: object = {}, call: Partial<Call> = {}): Promise<Answer> {
  return send(gateway.url, { key: KEY, body: question('', { model: 'gpt-5', metadata: {}, ...fields }), ...call });
}

function chat(fields: object = {}): Promise<Answer> {
  const body = { model: 'claude-haiku-4-5', messages: [{ role: 'user', content: 'hi' }], ...fields };
  return send(gateway.url, { path: '/v1/chat/completions', key: KEY, body });
}

const sent = (): Record<string, unknown> => JSON.parse(upstream.received.at(-1)!.body.toString());

const CHAT_USAGE = '{"prompt_tokens":50,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":30}}';
const CHAT_ANSWER = `{"id":"c1","object":"chat.completion","model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"hé"},"finish_reason":"stop"}],"usage":${CHAT_USAGE}}`;
const chunk = (delta: string, finish = 'null', more = ''): string =>
  `data: {"id":"c1","model":"gpt-5","choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]${more}}\n\n`;
const CHAT_STREAM = [
  chunk('{"role":"assistant","content":""}'),
  chunk('{"content":"h"}'),
  chunk('{"content":"é"}'),
  chunk('{}', '"stop"'),
  `data: {"id":"c1","model":"gpt-5","choices":[],"usage":${CHAT_USAGE}}\n\n`,
  'data: [DONE]\n\n',
];

test('a Messages client over a Chat account gets a message, billed by what the account reported', async () => {
  script(CHAT_ANSWER);
  const answer = await messages();
  const body = answer.json();
  assert.deepEqual([answer.status, body['type'], body['stop_reason']], [200, 'message', 'end_turn']);
  assert.deepEqual(
    (body['content'] as { text: string }[]).map(({ text }) => text),
    ['hé'],
  );
  const usage = body['usage'] as Record<string, number>;
  assert.deepEqual([usage['input_tokens'], usage['cache_read_input_tokens'], usage['output_tokens']], [20, 30, 20]);
  const { url, headers } = upstream.received.at(-1)!;
  assert.equal(url, '/v1/chat/completions');
  assert.equal(headers['anthropic-version'], undefined, "nothing of the client's protocol travels");
  const row = await rowOf(answer);
  assert.deepEqual(
    [row.inputTokens, row.outputTokens, row['protocol'], row['upstreamProtocol'], row.usageSource, row.status],
    [20, 20, 'messages', 'chat', 'reported', 'completed'],
  );
});

test('its stream is the events of Messages, however the account cuts its own', async () => {
  for (const cutBytesMax of [1, 7, 5_000]) {
    script(CHAT_STREAM.join(''), { headers: SSE, cutBytesMax });
    const answer = await messages({ stream: true });
    assert.match(String(answer.headers['content-type']), /^text\/event-stream/);
    const events = parseEvents(answer.body);
    const kinds = events.map(({ event }) => event);
    assert.deepEqual([kinds[0], kinds.at(-2), kinds.at(-1)], ['message_start', 'message_delta', 'message_stop']);
    const texts = events.flatMap(({ data }) => (data['delta'] as { text?: string } | undefined)?.text ?? []);
    assert.equal(texts.join(''), 'hé');
    const row = await rowOf(answer);
    assert.deepEqual(
      [row.inputTokens, row.outputTokens, row.usageSource, row.status],
      [20, 20, 'reported', 'completed'],
    );
  }
  const { stream_options } = sent();
  assert.deepEqual(stream_options, { include_usage: true }, 'a stream is asked for its usage');
});

test('a Chat client over a Messages account gets chunks and [DONE], with usage when it asked', async () => {
  const usage = { inputTokens: 7, outputTokens: 9, cacheReadTokens: 5, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
  const frames = streamFrames({ id: 'msg_1', model: 'claude-haiku-4-5', usage, events: 4, eventChars: 3 } as never);
  for (const asked of [true, false]) {
    script(Buffer.concat(frames).toString(), { headers: SSE });
    const answer = await chat({ stream: true, ...(asked ? { stream_options: { include_usage: true } } : {}) });
    const lines = answer.body.toString().trim().split('\n\n');
    assert.equal(lines.at(-1), 'data: [DONE]');
    const chunks = lines.slice(0, -1).map((line) => JSON.parse(line.slice(6)));
    const withUsage = chunks.filter((one) => one.usage != null);
    assert.equal(withUsage.length, asked ? 1 : 0);
    if (asked) assert.deepEqual([withUsage[0].usage.prompt_tokens, withUsage[0].usage.completion_tokens], [12, 9]);
    assert.equal(chunks.find((one) => one.choices[0]?.finish_reason)?.choices[0].finish_reason, 'stop');
    const row = await rowOf(answer);
    assert.deepEqual([row.inputTokens, row.outputTokens, row['upstreamProtocol']], [7, 9, 'messages']);
  }
  const { headers, url } = upstream.received.at(-1)!;
  assert.deepEqual(
    [url, headers['anthropic-version'], headers['x-api-key']],
    ['/v1/messages', '2023-06-01', 'sk-up-claude'],
  );
  assert.equal(typeof sent()['max_tokens'], 'number', 'a limit is filled in where the account requires one');
});

test('a group says by model which platform serves it, whatever protocol the client speaks', async () => {
  script(CHAT_ANSWER);
  await messages({ model: 'both-a' });
  assert.equal(upstream.received.at(-1)!.url, '/v1/chat/completions');
  script('{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}');
  await messages({ model: 'claude-haiku-4-5' });
  assert.equal(upstream.received.at(-1)!.url, '/v1/messages');
});

test('what the other protocol cannot say is refused with its path, and nothing is sent or billed', async () => {
  const [asked, billed] = [upstream.received.length, (await usageOf(gateway)).requests];
  const answer = await chat({ n: 3 });
  assert.equal(answer.status, 400);
  assert.match(answer.json().error.message, /\bn: /);
  assert.equal((answer.json().error as { type: string }).type, 'invalid_request_error');
  assert.equal(upstream.received.length, asked);
  assert.equal((await usageOf(gateway)).requests, billed);
});

test('what is left out is named', async () => {
  script(CHAT_ANSWER);
  const answer = await messages({
    system: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }],
  });
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers['x-penstock-dropped']), /cache_control/);
});

test("an account's error is said in the client's words, with its status", async () => {
  const error = '{"error":{"message":"bad things","type":"invalid_request_error","param":"x","code":null}}';
  script(error, { status: 400 });
  const answer = await messages();
  assert.deepEqual([answer.status, answer.json().type], [400, 'error']);
  assert.match(answer.json().error.message, /bad things/);
  assert.equal(
    (await usageOf(gateway)).rows.some(({ requestId }) => requestId === answer.requestId),
    false,
  );
});

test("a stream that its account breaks ends with an error of the client's protocol, never as if it were whole", async () => {
  const begun = new AbortController();
  const plan: Plan = { breakAt: 4, breakHow: 'reset', cutBytesMax: 80, restAfter: begun.signal };
  script(CHAT_STREAM.slice(0, 3).join(''), { headers: SSE, ...plan });
  const answer = await messages({ stream: true }, { begun });
  const events = parseEvents(answer.body);
  assert.equal(answer.whole, false);
  assert.equal(events.at(-1)!.event, 'error');
  assert.equal(
    events.some(({ event }) => event === 'message_stop'),
    false,
  );
  assert.equal((await rowOf(answer)).status, 'interrupted');
});

test('a stream that ends in an orderly way but too early is broken off as well', async () => {
  const begun = new AbortController();
  script(CHAT_STREAM.slice(0, 3).join(''), { headers: SSE, restAfter: begun.signal });
  const answer = await messages({ stream: true }, { begun });
  assert.equal(answer.whole, false);
  assert.equal(parseEvents(answer.body).at(-1)!.event, 'error');
});

test('an answer that is no JSON, or too large to be turned, is an error and not a part of one', async () => {
  script('<html>sorry</html>');
  const html = await messages();
  assert.deepEqual([html.status, html.json().error.type], [502, 'api_error']);
  script(`{"id":"c","filler":"${'x'.repeat(9 * 1024 * 1024)}","choices":[]}`, { cutBytesMax: 60_000 });
  const huge = await messages();
  assert.deepEqual([huge.status, huge.json().error.type], [502, 'api_error']);
});

test('parallel tool calls cross, streamed', async () => {
  const call = (index: number, id: string, name: string) =>
    chunk(
      `{"tool_calls":[{"index":${index},"id":"${id}","type":"function","function":{"name":"${name}","arguments":""}}]}`,
    );
  const args = (index: number, text: string) =>
    chunk(`{"tool_calls":[{"index":${index},"function":{"arguments":${JSON.stringify(text)}}}]}`);
  const stream = [
    CHAT_STREAM[0]!,
    call(0, 'call_1', 'one'),
    args(0, '{"a":'),
    args(0, '1}'),
    call(1, 'call_2', 'two'),
    args(1, '{}'),
    chunk('{}', '"tool_calls"'),
    ...CHAT_STREAM.slice(-2),
  ];
  script(stream.join(''), { headers: SSE });
  const tools = ['one', 'two'].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }));
  const answer = await messages({ stream: true, tools });
  const events = parseEvents(answer.body);
  const blocks = events.flatMap(({ event, data }) =>
    event === 'content_block_start' ? [data['content_block'] as { name: string; id: string }] : [],
  );
  assert.deepEqual(
    blocks.map(({ name, id }) => [name, id]),
    [
      ['one', 'call_1'],
      ['two', 'call_2'],
    ],
  );
  const stop = events.find(({ event }) => event === 'message_delta')!.data['delta'] as { stop_reason: string };
  assert.equal(stop.stop_reason, 'tool_use');
});
