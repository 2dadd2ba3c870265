/**
 * What only the request needed is given up once its answer has begun or its client has left: nothing that happens to the exchange after
 * that may ask for it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
/** Several sweeps of a front. */
const LATE_MS = 700;
const SSE = { 'content-type': 'text/event-stream' };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const chat = { platform: 'openai', protocols: ['chat'], groups: ['chat'] };
  const owners = { platform: 'openai', protocols: ['responses'], groups: ['responses'] };
  gateway = await TestGateway.start({
    catalog: {
      groups: ['chat', 'responses'].map((name) => ({ name, platform: 'openai', rateMultiplier: 1 })),
      accounts: [
        account('chat', upstream.url, chat),
        account('owner-1', upstream.url, owners),
        account('owner-2', upstream.url, owners),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: ['chat', 'responses'].map((group) => ({ user: 'u1', group, key: `${KEY}-${group}` })),
    },
    pricing: { fallback: FALLBACK },
    relay: { clientGoneDrainMs: 20_000 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

const MESSAGES = { max_tokens: 64, messages: [{ role: 'user', content: 'a' }] };
const CONTENTS = { contents: [{ role: 'user', parts: [{ text: 'a' }] }] };

const line = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const delta = (content: string): string =>
  line({ id: 'c1', choices: [{ index: 0, delta: { content }, finish_reason: null }] });
const CHAT_STREAM = [
  delta('one'),
  delta('two'),
  line({ id: 'c1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
  line({ id: 'c1', choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }),
  'data: [DONE]\n\n',
].join('');
const CHAT_WHOLE = JSON.stringify({
  id: 'c1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'one' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
});
const REFUSED = JSON.stringify({ error: { message: 'no', type: 'invalid_request_error', code: null, param: null } });

/** Asks, and leaves when the upstream has the request, which answers late; resolves when the exchange is over. */
async function leave(key: string, path: string, body: object, answer: Plan): Promise<void> {
  const leaving = new AbortController();
  const late = new AbortController();
  upstream.plan = () => ({ ...answer, holdUntil: late.signal, headersAfterMs: LATE_MS });
  const before = upstream.received.length;
  const asked = fetch(new URL(path, gateway.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify(body),
    signal: leaving.signal,
  });
  asked.catch(() => {});
  await waitFor('the request at the upstream', () => upstream.received.length > before);
  const closed = async () => metric(await gateway.metrics(), 'penstock_connections_closed_total');
  const closedBefore = await closed();
  leaving.abort();
  await assert.rejects(asked);
  await waitFor('the gateway to see it leave', async () => (await closed()) > closedBefore);
  late.abort();
  await gateway.assertIdle();
}

for (const stream of [true, false]) {
  test(`a crossing whose client leaves before its answer begins is read for its usage (stream: ${stream})`, async () => {
    const { requests } = await usageOf(gateway);
    const answer = stream ? { body: Buffer.from(CHAT_STREAM), headers: SSE } : { body: Buffer.from(CHAT_WHOLE) };
    await leave(`${KEY}-chat`, '/v1/messages', { model: 'm', stream, ...MESSAGES }, answer);
    const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
    await leave(`${KEY}-chat`, `/v1beta/models/m:${verb}`, CONTENTS, answer);
    await leave(`${KEY}-chat`, '/v1/responses', { model: 'm', stream, input: 'a' }, answer);
    await waitFor('three rows', async () => (await usageOf(gateway)).requests === requests + 3);
    const { rows } = await usageOf(gateway);
    for (const row of rows.slice(0, 3)) {
      assert.deepEqual([row.status, row.inputTokens, row.outputTokens], ['client_gone', 7, 3]);
    }
    assert.doesNotMatch(gateway.log, /TypeError/);
  });
}

test('a crossing whose client leaves before it is refused ends without harm', async () => {
  for (const status of [400, 404, 422]) {
    const answer = { status, body: Buffer.from(REFUSED) };
    await leave(`${KEY}-chat`, '/v1/messages', { model: 'm', stream: true, ...MESSAGES }, answer);
  }
  assert.doesNotMatch(gateway.log, /TypeError/);
});

test('a response that only its account can go on with, and whose client leaves before it begins, ends without harm', async () => {
  const usage = { input_tokens: 7, output_tokens: 3, total_tokens: 10 };
  const whole = (id: string): Buffer =>
    Buffer.from(JSON.stringify({ id, object: 'response', status: 'completed', output: [], usage }));
  upstream.plan = () => ({ body: whole('resp_1') });
  const key = `${KEY}-responses`;
  assert.equal((await send(gateway.url, { path: '/v1/responses', key, body: { model: 'm', input: 'a' } })).status, 200);
  const answer = { body: whole('resp_2') };
  await leave(key, '/v1/responses', { model: 'm', input: 'a', previous_response_id: 'resp_1' }, answer);
  assert.doesNotMatch(gateway.log, /TypeError/);
});
