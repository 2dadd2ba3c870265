/** Every protocol over accounts that speak it: bytes pass as they are, usage is billed to the token, nobody's credential crosses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { type UsageRow, usageOf } from '../support/usage.ts';

const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const SSE = { 'content-type': 'text/event-stream' };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: [
        account('openai', upstream.url, { platform: 'openai', models: ['gpt*', 'text*'] }),
        account('gemini', upstream.url, {
          platform: 'gemini',
          models: ['gemini*'],
          modelMap: { 'gemini-x': 'gemini-up' },
        }),
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

/** Answers with exactly this, in pieces. */
function script(text: string, plan: Plan = {}): void {
  upstream.plan = () => ({ body: Buffer.from(text), cutBytesMax: 37, ...plan });
}

async function lastRow(answer: Answer): Promise<UsageRow & Record<string, unknown>> {
  const { rows } = await usageOf(gateway);
  const row = rows.find(({ requestId }) => requestId === answer.requestId);
  assert.ok(row !== undefined, 'the answer was billed');
  return row as UsageRow & Record<string, unknown>;
}

async function ask(path: string, body: object, headers: Record<string, string> = {}, begun?: AbortController) {
  return send(gateway.url, {
    path,
    body,
    headers: { authorization: `Bearer ${KEY}`, ...headers },
    ...(begun && { begun }),
  });
}

const CHAT = { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] };
const CHAT_USAGE =
  '{"prompt_tokens":50,"completion_tokens":20,"total_tokens":70,"prompt_tokens_details":{"cached_tokens":30},"completion_tokens_details":{"reasoning_tokens":5}}';

test('Chat: a whole answer passes byte for byte and is billed by its usage', async () => {
  const body = `{"id":"c1","model":"gpt-5","choices":[{"message":{"content":"hé"}}],"usage":${CHAT_USAGE}}`;
  script(body);
  const answer = await ask('/v1/chat/completions', CHAT);
  assert.deepEqual([answer.status, answer.body.toString()], [200, body]);
  const row = await lastRow(answer);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource, row.status], [20, 20, 'reported', 'completed']);
  const { protocol, upstreamProtocol, serviceTier, reasoningTokens } = row;
  assert.deepEqual([protocol, upstreamProtocol, serviceTier, reasoningTokens], ['chat', 'chat', '', 5]);
  const { url, headers } = upstream.received.at(-1)!;
  assert.equal(url, '/v1/chat/completions');
  assert.equal(headers.authorization, 'Bearer sk-up-openai', "the account's credential, not the client's");
  assert.equal(headers['x-api-key'], undefined);
});

const CHUNKS = [
  '{"id":"c","model":"gpt-5","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}',
  '{"id":"c","model":"gpt-5","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}',
  '{"id":"c","model":"gpt-5","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
];
const USAGE_CHUNK = `{"id":"c","model":"gpt-5","choices":[],"usage":${CHAT_USAGE}}`;
const events = (chunks: readonly string[]): string => chunks.map((chunk) => `data: ${chunk}\n\n`).join('');

test('Chat: a stream that asked for its usage gets it, as it came', async () => {
  const body = events([...CHUNKS, USAGE_CHUNK, '[DONE]']);
  script(body, { headers: SSE });
  const answer = await ask('/v1/chat/completions', { ...CHAT, stream: true, stream_options: { include_usage: true } });
  assert.equal(answer.body.toString(), body);
  const row = await lastRow(answer);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource], [20, 20, 'reported']);
});

test('Chat: a stream that did not ask for its usage is metered by it and does not see it', async () => {
  const withNull = CHUNKS.map((chunk) => `${chunk.slice(0, -1)},"usage":null}`);
  script(events([...withNull, USAGE_CHUNK, '[DONE]']), { headers: SSE });
  const answer = await ask('/v1/chat/completions', { ...CHAT, stream: true });
  assert.equal(answer.body.toString(), events([...CHUNKS, '[DONE]']), 'as if nobody had asked');
  const sent = JSON.parse(upstream.received.at(-1)!.body.toString());
  assert.deepEqual(sent, { stream_options: { include_usage: true }, ...CHAT, stream: true });
  const row = await lastRow(answer);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource], [20, 20, 'reported']);
});

const RESPONSES_USAGE =
  '{"input_tokens":80,"input_tokens_details":{"cached_tokens":30},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":89}';

test('Responses: streamed or whole, on either path, billed by the terminal event', async () => {
  const tools = 'x'.repeat(100_000);
  const response = `{"id":"resp_1","instructions":"${tools}","output":[],"service_tier":"default","usage":${RESPONSES_USAGE},"user":null}`;
  const stream = [
    `event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","instructions":"${tools}"}}\n\n`,
    'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hey"}\n\n',
    `event: response.completed\ndata: {"type":"response.completed","response":${response}}\n\n`,
  ].join('');
  script(stream, { headers: SSE, cutBytesMax: 9_000 });
  const answer = await ask('/responses', { model: 'gpt-5', input: 'hi', stream: true });
  assert.equal(answer.body.toString(), stream);
  const row = await lastRow(answer);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource, row.status], [50, 9, 'reported', 'completed']);
  assert.equal(upstream.received.at(-1)!.url, '/v1/responses');
  script(response, { cutBytesMax: 9_000 });
  const whole = await ask('/v1/responses', { model: 'gpt-5', input: 'hi' });
  assert.equal(whole.body.toString(), response);
  assert.deepEqual([(await lastRow(whole)).inputTokens, (await lastRow(whole)).outputTokens], [50, 9]);
});

test('embeddings are billed by their input alone', async () => {
  script('{"object":"list","data":[{"embedding":[0.1,0.2]}],"usage":{"prompt_tokens":8,"total_tokens":8}}');
  const answer = await ask('/v1/embeddings', { model: 'text-embedding-3-small', input: ['a', 'b'] });
  const row = await lastRow(answer);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource], [8, 0, 'reported']);
});

const GEMINI = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
const geminiChunk = (text: string, more = ''): string =>
  `{"candidates":[{"content":{"parts":[{"text":"${text}"}]}${more}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":4,"thoughtsTokenCount":3,"cachedContentTokenCount":6}}`;
const GEMINI_CHUNKS = [geminiChunk('a'), geminiChunk('b', ',"finishReason":"STOP"')];

test('Gemini: the model is in the path, the stream is SSE or an array, the key may be in the query', async () => {
  const sse = GEMINI_CHUNKS.map((chunk) => `data: ${chunk}\r\n\r\n`).join('');
  script(sse, { headers: SSE });
  const path = `/v1beta/models/gemini-x:streamGenerateContent?alt=sse&key=${KEY}`;
  const answer = await send(gateway.url, { path, body: GEMINI });
  assert.equal(answer.body.toString(), sse);
  const row = await lastRow(answer);
  assert.deepEqual([row.model, row.inputTokens, row.outputTokens, row.usageSource], ['gemini-x', 4, 7, 'reported']);
  const { url, headers } = upstream.received.at(-1)!;
  assert.equal(url, '/v1beta/models/gemini-up:streamGenerateContent?alt=sse');
  assert.equal(headers['x-goog-api-key'], 'sk-up-gemini');

  const array = `[${GEMINI_CHUNKS.join('\n,\r\n')}\n]`;
  script(array, { headers: { 'content-type': 'application/json; charset=UTF-8' } });
  const streamed = await send(gateway.url, {
    path: '/v1/models/gemini-x%3AstreamGenerateContent',
    body: GEMINI,
    headers: { 'x-goog-api-key': KEY },
  });
  assert.equal(streamed.body.toString(), array);
  assert.deepEqual([(await lastRow(streamed)).outputTokens, (await lastRow(streamed)).usageSource], [7, 'reported']);
});

test('countTokens is relayed and not billed', async () => {
  script('{"totalTokens":12}');
  const before = (await usageOf(gateway)).requests;
  const answer = await ask('/v1beta/models/gemini-x:countTokens', GEMINI);
  assert.equal(answer.body.toString(), '{"totalTokens":12}');
  assert.equal((await usageOf(gateway)).requests, before);
});

test('refusals are said in the dialect of the path', async () => {
  const chat = await ask('/v1/chat/completions', { model: 'nobody', messages: [] });
  assert.deepEqual(
    [chat.status, chat.json().error],
    [404, { ...chat.json().error, code: 'model_not_found', param: null }],
  );
  const gemini = await ask('/v1beta/models/nobody:generateContent', GEMINI);
  assert.deepEqual([gemini.status, (gemini.json().error as { status?: string }).status], [404, 'NOT_FOUND']);
  const field = await ask('/v1/responses', { model: 'gpt-5', input: 7 });
  assert.deepEqual([field.status, (field.json().error as { param?: string }).param], [400, 'input']);
  const unknown = await send(gateway.url, { path: '/v1/chat/nothing', body: {}, key: KEY });
  assert.deepEqual([unknown.status, (unknown.json().error as { code?: string }).code], [404, 'unknown_url']);
});

test('a Chat stream that breaks ends with an error object and no [DONE]', async () => {
  const pieces = CHUNKS.slice(0, 2).map((chunk) => Buffer.from(events([chunk])));
  const begun = new AbortController();
  script('', { headers: SSE, pieces, breakAt: 2, breakHow: 'reset', restAfter: begun.signal });
  const answer = await ask('/v1/chat/completions', { ...CHAT, stream: true }, {}, begun);
  assert.equal(answer.whole, false);
  assert.match(
    answer.body.toString(),
    /\n\ndata: \{"error":\{"message":"The upstream broke off its answer\.".*\}\n\n$/,
  );
  assert.doesNotMatch(answer.body.toString(), /\[DONE\]/);
  const row = await lastRow(answer);
  assert.deepEqual([row.status, row.usageSource], ['interrupted', 'estimated']);
});

test('a Gemini stream that breaks ends with both forms of the error, an array with the bare one alone', async () => {
  const error = '\\{"error":\\{"code":502,"message":"The upstream broke off its answer\\."[^\\r\\n]*\\}';
  for (const [query, type, piece, ending] of [
    [
      '?alt=sse',
      SSE['content-type'],
      `data: ${GEMINI_CHUNKS[0]}\r\n\r\n`,
      `\r\n\r\ndata: ${error}\r\n\r\n${error}\r\n\r\n$`,
    ],
    ['', 'application/json', `[${GEMINI_CHUNKS[0]}`, `[^ ]${error}\r\n\r\n$`],
  ] as const) {
    const begun = new AbortController();
    const plan: Plan = { breakAt: 1, breakHow: 'reset', restAfter: begun.signal };
    script('', { headers: { 'content-type': type }, pieces: [Buffer.from(piece)], ...plan });
    const answer = await send(gateway.url, {
      path: `/v1beta/models/gemini-x:streamGenerateContent${query}`,
      body: GEMINI,
      headers: { 'x-goog-api-key': KEY },
      begun,
    });
    assert.equal(answer.whole, false);
    assert.match(answer.body.toString(), new RegExp(ending));
  }
});

test('an answer in the background is refused, because nobody would bill it', async () => {
  const before = upstream.received.length;
  const answer = await ask('/v1/responses', { model: 'gpt-5', input: 'hi', background: true });
  assert.deepEqual([answer.status, (answer.json().error as { param?: string }).param], [400, 'background']);
  assert.equal(upstream.received.length, before);
  script(`{"id":"resp_2","usage":${RESPONSES_USAGE}}`);
  assert.equal((await ask('/v1/responses', { model: 'gpt-5', input: 'hi', background: false })).status, 200);
});
