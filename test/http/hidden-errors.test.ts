/** Errors that an upstream says inside a 200, before anything else: another account answers, or the client gets a status. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, open, readUntil, send } from '../support/http-client.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';

/** As long as may be: what a test sends behind an opening has to come within it. */
const HOLD_BACK_MS = 1_000;
const SSE = { 'content-type': 'text/event-stream' };
const sse = (...events: object[]): string => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
const named = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const chatChunk = (delta: object, finish: string | null = null): object => ({
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const start = named('message_start', {
  message: { id: 'm', model: 'm', usage: { input_tokens: 9, output_tokens: 1 } },
});
const anthropicError = (type: string): string => named('error', { error: { type, message: 'hidden' } });
const created = named('response.created', { response: { id: 'r', model: 'm' } });
const responsesError = (code: string): string => named('error', { code, message: 'hidden', param: null });
const chatError = (fields: object): string => sse({ error: { message: 'hidden', ...fields } });
const geminiError = (status: string): object => ({ error: { code: 1, message: 'hidden', status } });

interface Protocol {
  platform: string;
  path: string;
  body: object;
  opening: string[];
  whole: string;
}

const PROTOCOLS: Record<string, Protocol> = {
  messages: {
    platform: 'anthropic',
    path: '/v1/messages',
    body: { model: 'claude-haiku-4-5', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'hi' }] },
    opening: [start, named('ping', {}), ': comment\n\n'],
    whole:
      start +
      named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'well' } }) +
      named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }) +
      named('message_stop', {}),
  },
  chat: {
    platform: 'openai',
    path: '/v1/chat/completions',
    body: {
      model: 'gpt-5',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'hi' }],
    },
    opening: [sse(chatChunk({ role: 'assistant', content: '' }))],
    whole: `${sse(chatChunk({ content: 'well' }), chatChunk({}, 'stop'), { choices: [], usage: { prompt_tokens: 9, completion_tokens: 5 } })}data: [DONE]\n\n`,
  },
  responses: {
    platform: 'openai',
    path: '/v1/responses',
    body: { model: 'gpt-5', stream: true, input: 'hi' },
    opening: [created, named('response.in_progress', { response: { id: 'r' } })],
    whole:
      created +
      named('response.output_text.delta', { delta: 'well' }) +
      named('response.completed', { response: { id: 'r', usage: { input_tokens: 9, output_tokens: 5 } } }),
  },
  gemini: {
    platform: 'gemini',
    path: '/v1beta/models/gemini-x:streamGenerateContent?alt=sse',
    body: { contents: [{ parts: [{ text: 'hi' }] }] },
    opening: [],
    whole: sse({
      candidates: [{ content: { parts: [{ text: 'well' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 5 },
    }),
  },
};

/** How the first account fails, and the status and text where it is the only one; 200: the error is the client's and is relayed. */
const FAULTS: [protocol: string, name: string, error: string, status: number, headers?: Record<string, string>][] = [
  ['messages', 'overloaded', anthropicError('overloaded_error'), 529],
  ['messages', 'limited', anthropicError('rate_limit_error'), 429],
  ['messages', 'api', anthropicError('api_error'), 502],
  ['messages', 'no-blank-line', anthropicError('overloaded_error').trimEnd(), 529],
  ['messages', 'own-fault', anthropicError('invalid_request_error'), 200],
  [
    'messages',
    'json',
    '{"type":"error","error":{"type":"overloaded_error","message":"hidden"}}',
    529,
    {
      'content-type': 'application/json',
    },
  ],
  ['chat', 'overloaded', chatError({ type: 'server_error', code: 'server_is_overloaded' }), 503],
  ['chat', 'limited', chatError({ type: 'requests', code: 'rate_limit_exceeded' }), 429],
  ['chat', 'numbered', chatError({ code: 502 }), 502],
  ['chat', 'nameless', chatError({}), 502],
  ['chat', 'text', '{"error":"the model is loading"}', 502, { 'content-type': 'application/json' }],
  ['chat', 'own-fault', chatError({ type: 'invalid_request_error', code: 'context_length_exceeded' }), 200],
  ['responses', 'overloaded', responsesError('server_is_overloaded'), 503],
  ['responses', 'nested', named('error', { error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } }), 429],
  [
    'responses',
    'failed',
    named('response.failed', { response: { error: { code: 'server_error' }, usage: null } }),
    502,
  ],
  ['responses', 'own-fault', responsesError('invalid_prompt'), 200],
  ['gemini', 'unavailable', sse(geminiError('UNAVAILABLE')), 503],
  ['gemini', 'bare', `${JSON.stringify(geminiError('RESOURCE_EXHAUSTED'))}\r\n\r\n`, 429],
  ['gemini', 'own-fault', sse(geminiError('INVALID_ARGUMENT')), 200],
];
const PAIRS = FAULTS.map(([protocol, name]) => `${protocol}-${name}`);
const GROUPS = [...PAIRS, ...PAIRS.map((name) => `${name}-alone`), 'slow', 'late', 'array', 'steady-alone'];
const PACE_MS = 5;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: GROUPS.map((name) => ({ name, platform: 'openai' })),
      accounts: GROUPS.flatMap(accountsOf),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: GROUPS.map((name) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
    },
    relay: { holdBackMs: HOLD_BACK_MS },
    rest: { overloadedMs: 60_000, rateLimitMs: 60_000, errorMs: 60_000, errorsBeforeRest: 2 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function protocolOf(group: string): Protocol {
  return PROTOCOLS[group.split('-')[0]!] ?? PROTOCOLS[group === 'array' ? 'gemini' : 'messages']!;
}

function accountsOf(group: string): object[] {
  const { platform } = protocolOf(group);
  const first = account(`${group}-1`, upstream.url, { platform, groups: [group], priority: 1 });
  if (group.endsWith('-alone')) return [first];
  return [first, account(`${group}-2`, upstream.url, { platform, groups: [group], priority: 2 })];
}

function credentialOf({ apiKey, headers }: { apiKey: string; headers: object }): string {
  return apiKey || String((headers as Record<string, string>)['x-goog-api-key']);
}

/** The first account of each group answers so, the second one well. */
function script(group: string, plan: Plan): void {
  const { whole } = protocolOf(group);
  upstream.plan = (request) =>
    credentialOf(request).endsWith('-1') ? { headers: SSE, ...plan } : { headers: SSE, body: Buffer.from(whole) };
}

function callOf(group: string): { path: string; body: object; headers: Record<string, string> } {
  const { path, body } = protocolOf(group);
  return { path, body, headers: { authorization: `Bearer ${KEY}-${group}` } };
}

const asked = (name: string): number =>
  upstream.received.filter((request) => credentialOf(request).endsWith(`sk-up-${name}`)).length;

async function rowsOf({ requestId }: Answer): Promise<{ inputTokens: number; outputTokens: number }[]> {
  const { rows } = await usageOf(gateway);
  return rows.filter((row) => row.requestId === requestId);
}

const pieces = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

for (const [protocol, name, error, status, headers] of FAULTS) {
  const group = `${protocol}-${name}`;
  const { opening, whole } = PROTOCOLS[protocol]!;
  const plan = {
    pieces: pieces(...(headers === undefined ? opening : []), error),
    paceMs: PACE_MS,
    headers: headers ?? SSE,
  };
  const isOwn = status === 200;
  test(`${protocol}, "${name}": ${isOwn ? 'the error is relayed' : 'another account answers'}`, async () => {
    script(group, plan);
    const answer = await send(gateway.url, callOf(group));
    const expected = isOwn ? Buffer.concat(plan.pieces).toString() : whole;
    assert.deepEqual([answer.status, answer.body.toString()], [200, expected]);
    assert.equal(asked(`${group}-2`), isOwn ? 0 : 1);
    const billed = (await rowsOf(answer)).map(({ outputTokens }) => outputTokens);
    assert.deepEqual(billed, isOwn ? [0] : [5], 'only an answer that was served');
  });
  if (isOwn) continue;
  test(`${protocol}, "${name}": with no account left the client gets ${status}, and nothing is billed`, async () => {
    script(`${group}-alone`, plan);
    const answer = await send(gateway.url, callOf(`${group}-alone`));
    assert.equal(answer.status, status, answer.body.toString());
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.deepEqual(await rowsOf(answer), []);
  });
}

test('an account whose hidden errors name an overload rests at once, others after several in a row', async () => {
  script('messages-overloaded', { pieces: pieces(anthropicError('overloaded_error')) });
  await send(gateway.url, callOf('messages-overloaded'));
  assert.equal(asked('messages-overloaded-1'), 1, 'it rests since the first one');
  script('messages-api', { pieces: pieces(start, anthropicError('api_error')), paceMs: PACE_MS });
  for (let i = 0; i < 3; i++) await send(gateway.url, callOf('messages-api'));
  assert.equal(asked('messages-api-1'), 2);
});

test('an error in a Gemini array is found too', async () => {
  upstream.plan = (request) => {
    const isFirst = credentialOf(request).endsWith('-1');
    const text = isFirst
      ? `[${JSON.stringify(geminiError('UNAVAILABLE'))}]`
      : '[{"candidates":[{"finishReason":"STOP"}]}]';
    return { headers: { 'content-type': 'application/json' }, body: Buffer.from(text), cutBytesMax: 5 };
  };
  const call = { ...callOf('array'), path: '/v1beta/models/gemini-x:streamGenerateContent' };
  const answer = await send(gateway.url, call);
  assert.deepEqual([answer.status, answer.body.toString()], [200, '[{"candidates":[{"finishReason":"STOP"}]}]']);
});

test('opening events wait no longer than they may for what comes next', async () => {
  const { opening, whole } = PROTOCOLS['messages']!;
  const begun = new AbortController();
  const parts = pieces(opening[0]!, whole.slice(start.length));
  script('slow', { pieces: parts, restAt: 1, restAfter: begun.signal });
  const startMs = performance.now();
  const response = await open(gateway.url, callOf('slow'));
  await readUntil(response, 'message_start');
  const ms = performance.now() - startMs;
  assert.ok(ms >= HOLD_BACK_MS - 20, `${ms} ms`);
  begun.abort();
  const rest = await finish(response);
  assert.equal(rest.whole, true);
});

test('once the opening has left, an error stays in the stream', async () => {
  const begun = new AbortController();
  const parts = pieces(start, anthropicError('overloaded_error'));
  script('late', { pieces: parts, restAt: 1, restAfter: begun.signal });
  const answer = await send(gateway.url, { ...callOf('late'), begun });
  assert.deepEqual([answer.status, answer.body.toString()], [200, start + anthropicError('overloaded_error')]);
  assert.equal(asked('late-2'), 0);
  await send(gateway.url, callOf('late'));
  assert.deepEqual([asked('late-1'), asked('late-2')], [1, 1], 'its account rests all the same');
});

test('an account whose answers begin after their opening has left serves all the same: failures between them are not in a row', async () => {
  const { opening, whole } = PROTOCOLS['messages']!;
  const served = { pieces: pieces(opening[0]!, whole.slice(start.length)), restAt: 1 };
  const empty = { pieces: pieces(opening[0]!, named('message_stop', {})), restAt: 1 };
  const statuses: number[] = [];
  for (const plan of [{ status: 500 }, served, { status: 500 }, empty, { status: 500 }, served]) {
    const begun = new AbortController();
    script('steady-alone', 'status' in plan ? plan : { ...plan, restAfter: begun.signal });
    statuses.push((await send(gateway.url, { ...callOf('steady-alone'), begun })).status);
  }
  assert.deepEqual(statuses, [502, 200, 502, 200, 502, 200]);
});
