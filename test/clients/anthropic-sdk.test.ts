/**
 * The official Anthropic SDK against a real gateway: what its users see must not differ from the real API.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { MODEL } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { findRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const QUESTION = { model: MODEL, max_tokens: 64, messages: [{ role: 'user' as const, content: 'hi' }] };
const labelled = (label: string) => ({ ...QUESTION, metadata: { user_id: label } });

let upstream: Upstream;
let gateway: TestGateway;
let client: Anthropic;

before(async () => {
  upstream = await Upstream.start();
  const catalog = standardCatalog(upstream.url);
  catalog['groups']!.push({ name: 'limited', platform: 'anthropic', rateMultiplier: 1 });
  catalog['accounts']!.push(account('a2', upstream.url, { groups: ['limited'] }));
  catalog['keys']!.push({ user: 'u1', group: 'limited', key: `${KEY}-limited` });
  gateway = await TestGateway.start({ catalog, rest: { rateLimitMs: 300, overloadedMs: 300 } });
  client = new Anthropic({ apiKey: KEY, baseURL: gateway.url, maxRetries: 0 });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

test('create returns the message of the upstream', async () => {
  upstream.plan = () => ({ events: 3, usage: { inputTokens: 21, outputTokens: 9 } });
  const message = await client.messages.create(QUESTION);
  assert.equal(message.type, 'message');
  assert.equal(message.model, MODEL);
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [21, 9]);
  assert.equal(message.stop_reason, 'end_turn');
});

test('stream yields every event and a final message equal to the one answered whole', async () => {
  upstream.plan = () => ({ events: 30, usage: { inputTokens: 5, outputTokens: 33, cacheReadTokens: 7 } });
  const whole = await client.messages.create(QUESTION);
  const stream = client.messages.stream(QUESTION);
  const seen = new Map<string, number>();
  stream.on('streamEvent', (event) => seen.set(event.type, (seen.get(event.type) ?? 0) + 1));
  const final = await stream.finalMessage();
  assert.deepEqual(final.content, whole.content);
  assert.equal(final.usage.output_tokens, 33);
  assert.equal(final.usage.cache_read_input_tokens, 7);
  assert.equal(seen.get('content_block_delta'), 30);
});

test('a stream cut anywhere into bytes reads the same', async () => {
  upstream.plan = () => ({ events: 40, eventChars: 60, cutBytesMax: 17 });
  const whole = await client.messages.create(QUESTION);
  const final = await client.messages.stream(QUESTION).finalMessage();
  assert.deepEqual(final.content, whole.content);
});

test('tools and thinking come through, streamed and whole', async () => {
  upstream.plan = () => ({ events: 2, tool: true, thinking: true });
  const tools = [{ name: 'get_weather', input_schema: { type: 'object' as const, properties: {} } }];
  const whole = await client.messages.create({ ...QUESTION, tools });
  const final = await client.messages.stream({ ...QUESTION, tools }).finalMessage();
  assert.deepEqual(final.content, whole.content);
  assert.deepEqual(
    final.content.map((block) => block.type),
    ['thinking', 'text', 'tool_use'],
  );
  const use = final.content[2];
  assert.deepEqual(use?.type === 'tool_use' ? use.input : null, { city: 'München' });
  assert.equal(final.stop_reason, 'tool_use');
  const sent = JSON.parse(upstream.received.at(-1)!.body.toString('utf8'));
  assert.deepEqual(sent.tools, tools);
});

const ERROR_CLASSES = [
  [400, Anthropic.BadRequestError],
  [404, Anthropic.NotFoundError],
  [409, Anthropic.ConflictError],
  [422, Anthropic.UnprocessableEntityError],
] as const;

for (const [status, errorClass] of ERROR_CLASSES) {
  test(`an upstream's ${status} about the request is thrown as the SDK's own class with its text`, async () => {
    upstream.plan = () => ({ status });
    await assert.rejects(client.messages.create(QUESTION), (error: unknown) => {
      assert.ok(error instanceof errorClass);
      assert.equal(error.status, status);
      assert.match(error.message, new RegExp(`scripted ${status}`));
      return true;
    });
  });
}

test('an unknown key is an AuthenticationError', async () => {
  const stranger = new Anthropic({ apiKey: 'sk-ps-unknown', baseURL: gateway.url, maxRetries: 2 });
  const before = upstream.received.length;
  await assert.rejects(stranger.messages.create(QUESTION), Anthropic.AuthenticationError);
  assert.equal(upstream.received.length, before);
});

test('a rate limited pool is a RateLimitError with retry-after, and the SDK waits it out by itself', async () => {
  const limited = { baseURL: gateway.url, apiKey: `${KEY}-limited` };
  let refusals = 1;
  upstream.plan = () => (refusals-- > 0 ? { status: 429, headers: { 'retry-after': '1' } } : {});
  await assert.rejects(new Anthropic({ ...limited, maxRetries: 0 }).messages.create(QUESTION), (error: unknown) => {
    assert.ok(error instanceof Anthropic.RateLimitError);
    assert.equal(error.headers?.get('retry-after'), '1');
    return true;
  });
  const message = await new Anthropic({ ...limited, maxRetries: 2 }).messages.create(QUESTION);
  assert.equal(message.stop_reason, 'end_turn');
});

test('an error event in the middle of a stream is thrown by the SDK', async () => {
  const begun = new AbortController();
  upstream.plan = () => ({ events: 20, breakAt: 6, breakHow: 'reset', restAfter: begun.signal });
  const stream = client.messages.stream(QUESTION).on('text', () => begun.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIError);
});

test('both ways of sending the key work', async () => {
  upstream.plan = () => ({});
  const bearer = new Anthropic({ apiKey: null, authToken: KEY, baseURL: gateway.url, maxRetries: 0 });
  assert.equal((await bearer.messages.create(QUESTION)).type, 'message');
  const keyed = new Anthropic({
    apiKey: KEY,
    baseURL: gateway.url,
    maxRetries: 0,
    defaultHeaders: { authorization: null, 'x-api-key': KEY },
  });
  assert.equal((await keyed.messages.create(QUESTION)).type, 'message');
});

test('beta calls pass with their beta header', async () => {
  upstream.plan = () => ({});
  await client.beta.messages.create({ ...QUESTION, betas: ['some-new-beta-2027-01-01'] });
  const seen = upstream.received.at(-1)!;
  assert.match(String(seen.headers['anthropic-beta']), /some-new-beta-2027-01-01/);
});

test('an abort mid-stream ends the upstream soon and is billed once, with what was seen', async () => {
  upstream.plan = () => ({ events: 10_000, paceMs: 20, usage: { inputTokens: 1234 } });
  const stream = client.messages.stream(labelled('abort'));
  let texts = 0;
  await assert.rejects(
    new Promise((_, reject) => {
      stream.on('text', () => {
        if (++texts === 5) stream.abort();
      });
      stream.on('abort', reject);
      stream.on('error', reject);
    }),
  );
  await waitFor('the upstream to be left', () => upstream.ledger.find((entry) => entry.label === 'abort'));
  const served = await upstream.served('abort');
  assert.equal(served.ending, 'left');
  await gateway.assertIdle();
  const usage = await usageOf(gateway);
  const row = findRow(usage, served.requestId);
  assert.equal(row.status, 'client_gone');
  assert.equal(row.inputTokens, 1234);
  assert.ok(row.outputTokens >= 1, `${row.outputTokens} output tokens for at least 5 deltas`);
  assert.ok(BigInt(row.chargedNanoUsd) > 0n);
});

test('an abort shortly before the end is billed with the final numbers', async () => {
  const closed = async () => metric(await gateway.metrics(), 'penstock_connections_closed_total');
  const [before, rest] = [await closed(), new AbortController()];
  const paced = { events: 30, paceMs: 25, restAt: 20, restAfter: rest.signal };
  upstream.plan = () => ({ ...paced, usage: { inputTokens: 50, outputTokens: 77 } });
  const stream = client.messages.stream(labelled('abort-late'));
  let texts = 0;
  await new Promise<void>((resolve) => {
    stream.on('text', () => {
      if (++texts === 5) stream.abort();
    });
    stream.on('abort', () => resolve());
    stream.done().catch(() => resolve());
  });
  await waitFor('the gateway to see that its client has left', async () => (await closed()) > before);
  rest.abort();
  const served = await upstream.served('abort-late');
  assert.equal(served.ending, 'whole', 'the upstream is drained for its usage');
  await gateway.assertIdle();
  const row = findRow(await usageOf(gateway), served.requestId);
  assert.deepEqual([row.inputTokens, row.outputTokens, row.status], [50, 77, 'client_gone']);
});

test('images and documents reach the account as the SDK sends them', async () => {
  upstream.plan = () => ({});
  const data = 'iVBORw0KGgo=';
  const content: Anthropic.ContentBlockParam[] = [
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
    { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a\u2028b' }, title: 'ü' },
    { type: 'text', text: 'what?' },
  ];
  await client.messages.create({ ...QUESTION, messages: [{ role: 'user', content }] });
  const sent = JSON.parse(upstream.received.at(-1)!.body.toString('utf8'));
  assert.deepEqual(sent.messages, [{ role: 'user', content }]);
});

test('tokens are counted by the account, unbilled', async () => {
  upstream.plan = () => ({ body: Buffer.from('{"input_tokens":17}') });
  const before = (await usageOf(gateway)).requests;
  const { model, messages } = QUESTION;
  assert.equal((await client.messages.countTokens({ model, messages })).input_tokens, 17);
  assert.equal((await client.beta.messages.countTokens({ model, messages })).input_tokens, 17);
  assert.equal((await usageOf(gateway)).requests, before);
});

test('models are listed and retrieved in the shape that the SDK knows', async () => {
  const ids: string[] = [];
  for await (const { id, type } of client.models.list({ limit: 3 })) {
    assert.equal(type, 'model');
    ids.push(id);
  }
  assert.ok(ids.includes(MODEL), ids.join());
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  await assert.rejects(client.models.retrieve('claude-nobody'), Anthropic.NotFoundError);
});

test('a failing account is 5xx, which the SDK tries again by itself', async () => {
  let failures = 1;
  upstream.plan = () => (failures-- > 0 ? { status: 500 } : {});
  await assert.rejects(client.messages.create(QUESTION), Anthropic.InternalServerError);
  failures = 1;
  const patient = new Anthropic({ apiKey: KEY, baseURL: gateway.url, maxRetries: 2 });
  assert.equal((await patient.messages.create(QUESTION)).stop_reason, 'end_turn');
});
