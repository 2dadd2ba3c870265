/** Streams in hostile shapes over real sockets: the client gets the upstream's bytes as they came, metered whatever the head says. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, send } from '../support/http-client.ts';
import { readFixtures } from '../support/tap-fixtures.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';

const JSON_TYPE = 'application/json';
const SSE_TYPE = 'text/event-stream; charset=utf-8';
const TYPES: Record<string, string> = { sse: SSE_TYPE, array: JSON_TYPE, body: JSON_TYPE };
const MESSAGES = [{ role: 'user', content: 'hi' }];
const GEMINI_BODY = { contents: [{ parts: [{ text: 'hi' }] }] };

interface Caller {
  path: string;
  body: object;
}

const STREAMING: Record<string, Caller> = {
  anthropic: {
    path: '/v1/messages',
    body: { model: 'claude-haiku-4-5', max_tokens: 9, stream: true, messages: MESSAGES },
  },
  chat: {
    path: '/v1/chat/completions',
    body: { model: 'gpt-5', stream: true, stream_options: { include_usage: true }, messages: MESSAGES },
  },
  responses: { path: '/v1/responses', body: { model: 'gpt-5', stream: true, input: 'hi' } },
  gemini: { path: '/v1beta/models/gemini-x:streamGenerateContent?alt=sse', body: GEMINI_BODY },
};
const ARRAY: Caller = { path: '/v1beta/models/gemini-x:streamGenerateContent', body: GEMINI_BODY };
const FOLDERS: Record<string, string> = { anthropic: '', chat: 'chat/', responses: 'responses/', gemini: 'gemini/' };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const patterns = { anthropic: 'claude*', openai: 'gpt*', gemini: 'gemini*' };
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai' }],
      accounts: Object.entries(patterns).map(([platform, model]) =>
        account(platform, upstream.url, { platform, models: [model] }),
      ),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    rest: { errorsBeforeRest: 1000 },
    pricing: { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function script(bytes: Buffer, contentType: string, plan: Plan = {}): void {
  upstream.plan = () => ({ headers: { 'content-type': contentType }, body: bytes, cutBytesMax: 61, ...plan });
}

function ask({ path, body }: Caller): Promise<Answer> {
  return send(gateway.url, { path, body, headers: { authorization: `Bearer ${KEY}` } });
}

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

interface Golden {
  terminal: boolean;
  errorType: string | null;
  usage: { seen: string; inputTokens: number; outputTokens: number };
}

for (const [protocol, folder] of Object.entries(FOLDERS)) {
  const fixtures = readFixtures(new URL(`../meter/fixtures/${folder}`, import.meta.url));
  const whole = fixtures.filter(({ form, golden }) => {
    const { terminal, errorType } = golden as Golden;
    return form !== 'body' && terminal && errorType === null;
  });
  test(`${protocol}: every fixture that is whole arrives byte for byte and is billed to the token`, async () => {
    assert.ok(whole.length >= 10);
    const expected = new Map<string, Golden>();
    for (const { form, bytes, golden, name } of whole) {
      script(bytes, TYPES[form]!);
      const answer = await ask(form === 'array' ? ARRAY : STREAMING[protocol]!);
      assert.deepEqual([answer.status, answer.whole, answer.sha256], [200, true, hash(bytes)], name);
      expected.set(answer.requestId, golden as Golden);
    }
    const { rows } = await usageOf(gateway);
    for (const [requestId, { usage }] of expected) {
      const row = rows.find((each) => each.requestId === requestId);
      if (usage.seen !== 'final') continue;
      const billed = [row?.inputTokens, row?.outputTokens, row?.usageSource];
      assert.deepEqual(billed, [usage.inputTokens, usage.outputTokens, 'reported']);
    }
  });

  const broken = fixtures.filter(({ form, golden, name }) => {
    const { terminal, errorType } = golden as Golden;
    return form === 'sse' && !terminal && errorType === null && !name.startsWith('handshake');
  });
  test(`${protocol}: a stream that ends too early arrives as far as it came, and never ends like a whole one`, async () => {
    let begun = 0;
    for (const { bytes, name } of broken) {
      script(bytes, SSE_TYPE, { paceMs: 5 });
      const answer = await ask(STREAMING[protocol]!);
      // Where nothing had left yet it is a status.
      if (answer.status === 502) continue;
      assert.equal(answer.whole, false, name);
      begun++;
      assert.equal(hash(answer.body.subarray(0, bytes.length)), hash(bytes), name);
    }
    assert.ok(begun >= 1);
  });

  test(`${protocol}: events that are sent as JSON or as text are events, are metered, and are called what they are`, async () => {
    const { bytes, golden } = fixtures.find(({ name }) => name === 'text.sse')!;
    for (const contentType of [JSON_TYPE, 'text/plain', '']) {
      script(bytes, contentType);
      const answer = await ask(STREAMING[protocol]!);
      assert.deepEqual([answer.sha256, answer.headers['content-type']], [hash(bytes), SSE_TYPE]);
      const row = (await usageOf(gateway)).rows.find(({ requestId }) => requestId === answer.requestId);
      assert.deepEqual([row?.outputTokens, row?.usageSource], [(golden as Golden).usage.outputTokens, 'reported']);
    }
  });

  test(`${protocol}: a document or an array that is sent as a stream of events is metered and called JSON`, async () => {
    const name = protocol === 'gemini' ? 'text.array' : protocol === 'anthropic' ? 'message.body' : 'answer.body';
    const { bytes, golden } = fixtures.find((each) => each.name === name)!;
    script(bytes, SSE_TYPE);
    const answer = await ask(STREAMING[protocol]!);
    assert.deepEqual([answer.whole, answer.sha256, answer.headers['content-type']], [true, hash(bytes), JSON_TYPE]);
    const row = (await usageOf(gateway)).rows.find(({ requestId }) => requestId === answer.requestId);
    assert.deepEqual([row?.outputTokens, row?.usageSource], [(golden as Golden).usage.outputTokens, 'reported']);
  });
}

test('a client that asked for no stream is not given one by a document that begins like one', async () => {
  const { path, body } = STREAMING['chat']!;
  script(Buffer.from('data: none of this is JSON'), 'application/json');
  const answer = await ask({ path, body: { ...body, stream: false } });
  assert.equal(answer.headers['content-type'], 'application/json');
});
