/** Errors of upstreams that came compressed say as much as plain ones; and an answer that there is no room to decode is nobody's fault but ours. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { windowBytes } from '#base/codings.ts';
import { FAILURES } from '#failure/registry.ts';
import { jsonMessage, streamFrames } from '../support/anthropic-answer.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, MODEL, open, question, readUntil, send } from '../support/http-client.ts';
import { COMPRESSIONS } from '../support/inflated.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1_048_576;
/** Room for any decoder but br's largest. */
const ROOM_BYTES = 12 * MIB;
const RATE_LIMIT_MS = 100;
const GEMINI = '/v1beta/models/gemini-2.5-pro:generateContent';
const NAMES = COMPRESSIONS.map(([name]) => name.replace(' ', '-'));
const GROUPS = [
  ...NAMES.flatMap((name) => ['limited', 'key'].map((fault) => ({ name: `${fault}-${name}`, platform: 'gemini' }))),
  ...['anthropic', 'openai', 'gemini'].map((platform) => ({ name: `room-${platform}`, platform })),
  { name: 'pings', platform: 'anthropic' },
];

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: GROUPS,
      accounts: GROUPS.flatMap(({ name, platform }) =>
        [1, 2].map((priority) =>
          account(`${name}-${priority}`, upstream.url, {
            platform,
            priority,
            groups: [name],
            ...(name === 'pings' ? { concurrency: 1 } : {}),
          }),
        ),
      ),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: GROUPS.map(({ name }) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
    },
    limits: { streamBytesTotal: ROOM_BYTES },
    queue: { pingAfterMs: 100, pingEveryMs: 100 },
    rest: { rateLimitMs: RATE_LIMIT_MS, authMs: 60_000, errorMs: 60_000, errorsBeforeRest: 1 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
});
afterEach(async () => {
  upstream.plan = () => ({});
  await gateway.assertIdle();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function credentialOf({ apiKey, headers }: Received): string {
  return (apiKey || String(headers['x-goog-api-key'] ?? headers.authorization)).replace('Bearer ', '');
}

const asked = (name: string): number =>
  upstream.received.filter((request) => credentialOf(request) === `sk-up-${name}`).length;

const google = (code: number, status: string, detail: object): object => ({
  error: { code, message: 'no', status, details: [detail] },
});
const PER_DAY = google(429, 'RESOURCE_EXHAUSTED', {
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaId: 'GenerateRequestsPerDayPerProject' }],
});
const BAD_KEY = google(400, 'INVALID_ARGUMENT', {
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  reason: 'API_KEY_INVALID',
});
const WELL = Buffer.from('{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}');

/** The first account of a group fails so, the second one is well. */
function failing(status: number, coding: string, body: Buffer): void {
  const headers = { 'content-type': 'application/json', 'content-encoding': coding };
  upstream.plan = (request) =>
    credentialOf(request).endsWith('-1') ? { status, headers, body, cutBytesMax: 50 } : { body: WELL };
}

function ask(name: string): Promise<Answer> {
  const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
  return send(gateway.url, { path: GEMINI, key: `${KEY}-${name}`, body });
}

for (const [name, coding, compress] of COMPRESSIONS) {
  const group = name.replace(' ', '-');

  test(`${name}: how long a rate limit holds is read from its body`, async () => {
    failing(429, coding, compress(JSON.stringify(PER_DAY)));
    assert.equal((await ask(`limited-${group}`)).status, 200);
    // The body, which comes behind the answer of the other account, is read before its place is given back.
    await gateway.assertIdle();
    const startMs = performance.now();
    await waitFor('the end of a rest without a hint, and more', async () => {
      assert.equal((await ask(`limited-${group}`)).status, 200);
      return performance.now() - startMs > 5 * RATE_LIMIT_MS;
    });
    assert.equal(asked(`limited-${group}-1`), 1);
  });

  test(`${name}: a 400 that blames the key is told from its body`, async () => {
    failing(400, coding, compress(JSON.stringify(BAD_KEY)));
    for (let i = 0; i < 3; i++) assert.equal((await ask(`key-${group}`)).status, 200);
    assert.equal(asked(`key-${group}-1`), 1);
  });
}

/** With a window for which there is never room. */
function wide(bytes: Buffer): Buffer {
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });
  assert.ok(windowBytes('br', packed) > ROOM_BYTES);
  return packed;
}

const SHAPE = { id: 'm', model: MODEL, usage: { inputTokens: 3, outputTokens: 4 }, events: 3, eventChars: 9 };
const FULL_USAGE = { ...SHAPE.usage, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
const MESSAGE = jsonMessage({ ...SHAPE, usage: FULL_USAGE } as never);
const STREAM = Buffer.concat(streamFrames({ ...SHAPE, usage: FULL_USAGE } as never));

function packed(body: Buffer, type: string): Plan {
  return { body: wide(body), headers: { 'content-type': type, 'content-encoding': 'br' } };
}

const CALLS: [platform: string, path: string, body: object, well: Buffer][] = [
  ['anthropic', '/v1/messages', question('x'), MESSAGE],
  [
    'openai',
    '/v1/chat/completions',
    { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] },
    Buffer.from('{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'),
  ],
  ['gemini', GEMINI, { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }, WELL],
];

for (const [platform, path, body, well] of CALLS) {
  test(`${platform}: an answer that there is no room to decode is our 503, and no fault of its account`, async () => {
    const name = `room-${platform}`;
    const call = { path, body, key: `${KEY}-${name}` };
    const rows = (await usageOf(gateway)).rows.length;
    upstream.plan = () => packed(well, 'application/json');
    for (let i = 0; i < 3; i++) {
      const answer = await send(gateway.url, call);
      assert.equal(answer.status, 503, answer.body.toString());
      assert.ok(answer.body.toString().includes(FAILURES.answer_budget_exhausted.text));
      assert.equal(answer.headers['retry-after'], '1');
    }
    await gateway.assertIdle();
    assert.equal((await usageOf(gateway)).rows.length, rows, 'nothing is billed');
    upstream.plan = () => ({ body: well, headers: { 'content-type': 'application/json' } });
    assert.equal((await send(gateway.url, call)).status, 200);
    assert.deepEqual([asked(`${name}-1`), asked(`${name}-2`)], [4, 0], 'it served all along');
  });
}

test('behind the pings of its wait the same is an event of the stream', async () => {
  const hold = new AbortController();
  upstream.plan = ({ label }) =>
    label === 'holder' ? { holdUntil: hold.signal } : packed(STREAM, 'text/event-stream');
  const call = (label: string) => ({ key: `${KEY}-pings`, body: question(label, { stream: true }) });
  const holders = [1, 2].map(() => send(gateway.url, call('holder')));
  await waitFor('both places to be taken', () => upstream.openNow() === 2);
  const response = await open(gateway.url, call('pinged'));
  await readUntil(response, 'event: ping');
  hold.abort();
  const { body, whole } = await finish(response);
  assert.match(body.toString(), /event: error\ndata: .*answers that are decoded/);
  assert.equal(whole, false);
  await Promise.all(holders);
});
