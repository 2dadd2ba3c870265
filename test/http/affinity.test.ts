/** What belongs together stays with one account, over all fronts; a stored response is asked for where it is. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, pinToFronts, question, send } from '../support/http-client.ts';
import { metric, readMetrics } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const OTHER_KEY = `${KEY}-other`;
const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const ACCOUNTS = ['a1', 'a2', 'a3'];

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const openai = (name: string, group: string) =>
    account(name, upstream.url, { platform: 'openai', groups: [group], models: ['gpt*'], concurrency: 2 });
  gateway = await TestGateway.start({
    catalog: {
      groups: [
        { name: 'main', platform: 'anthropic', rateMultiplier: 1 },
        { name: 'other', platform: 'openai', rateMultiplier: 1 },
      ],
      accounts: [
        ...ACCOUNTS.map((name) => account(name, upstream.url, { models: ['claude*'], concurrency: 2 })),
        ...ACCOUNTS.map((name) => openai(`o-${name}`, 'main')),
        ...ACCOUNTS.map((name) => openai(`x-${name}`, 'other')),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'u1', group: 'other', key: OTHER_KEY },
      ],
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

/** The credential of the account that served the latest request. */
function servedBy(): string {
  const { headers } = upstream.received.at(-1)!;
  return String(headers['x-api-key'] ?? headers.authorization);
}

const responses = (body: object, key = KEY, extra: object = {}): Promise<Answer> =>
  send(gateway.url, { path: '/v1/responses', body: { model: 'gpt-5', input: 'hi', ...body }, key, ...extra });

function answerWith(id: string): void {
  const usage = { input_tokens: 1, output_tokens: 1 };
  upstream.plan = () => ({ body: Buffer.from(JSON.stringify({ id, output: [], usage })) });
}

test('the requests of a session go to one account, whichever fronts they come in by', async () => {
  upstream.plan = () => ({});
  const pinned = await pinToFronts(gateway.url, 3);
  for (const session of ['s1', 's2', 's3']) {
    const accounts = new Set<string>();
    for (let round = 0; round < 2; round++) {
      for (const { agent } of pinned) {
        const answer = await send(gateway.url, { key: KEY, body: question(session), agent });
        assert.equal(answer.status, 200);
        accounts.add(servedBy());
      }
    }
    assert.equal(accounts.size, 1, session);
  }
  for (const { agent } of pinned) agent.destroy();
  assert.ok(metric(await readMetrics(gateway.controlUrl), 'penstock_affinity_hits_total') >= 12);
});

test('requests without a session are spread', async () => {
  upstream.plan = () => ({});
  const accounts = new Set<string>();
  for (let i = 0; i < 9; i++) {
    await send(gateway.url, { key: KEY, body: question('', { metadata: {} }) });
    accounts.add(servedBy());
  }
  assert.equal(accounts.size, 3);
});

test('a session whose account is full is served by another one at once', async () => {
  upstream.plan = () => ({});
  await send(gateway.url, { key: KEY, body: question('crowded') });
  const home = servedBy();
  const hold = new AbortController();
  upstream.plan = ({ apiKey }) => (apiKey === home ? { holdUntil: hold.signal } : {});
  const held = [1, 2].map(() => send(gateway.url, { key: KEY, body: question('crowded') }));
  await waitFor('both places to be taken', () => upstream.open.get(home) === 2);
  const elsewhere = await send(gateway.url, { key: KEY, body: question('crowded') });
  assert.equal(elsewhere.status, 200);
  assert.notEqual(servedBy(), home);
  hold.abort();
  for (const answer of await Promise.all(held)) assert.equal(answer.status, 200);
});

test('a response is retrieved, cancelled, listed and deleted at the account that made it, and is not billed again', async () => {
  answerWith('resp_stored');
  await responses({ prompt_cache_key: 'p' });
  const home = servedBy();
  upstream.plan = () => ({ body: Buffer.from('{"id":"resp_stored"}') });
  for (const [method, path] of [
    ['GET', '/v1/responses/resp_stored?include=x'],
    ['GET', '/v1/responses/resp_stored/input_items'],
    ['POST', '/v1/responses/resp_stored/cancel'],
    ['DELETE', '/responses/resp_stored'],
  ] as const) {
    const answer = await send(gateway.url, { method, path, key: KEY });
    assert.deepEqual([answer.status, answer.body.toString()], [200, '{"id":"resp_stored"}'], `${method} ${path}`);
    const { url, method: sent } = upstream.received.at(-1)!;
    assert.deepEqual([sent, url], [method, path.startsWith('/v1') ? path : `/v1${path}`]);
    assert.equal(servedBy(), home);
  }
});

test('the next turn goes to the account of the response before it, and waits there when it is full', async () => {
  answerWith('resp_before');
  await responses({});
  const home = servedBy();
  const hold = new AbortController();
  upstream.plan = () => ({
    holdUntil: hold.signal,
    body: Buffer.from('{"id":"resp_after","usage":{"input_tokens":1}}'),
  });
  const turns = [1, 2, 3].map(() => responses({ previous_response_id: 'resp_before' }));
  const others = new Set<string>();
  await waitFor('both places to be taken', () => upstream.openNow() === 2);
  await waitFor('the third to wait', async () => {
    return metric(await readMetrics(gateway.controlUrl), 'penstock_queue_waiting') === 1;
  });
  hold.abort();
  for (const answer of await Promise.all(turns)) assert.equal(answer.status, 200);
  for (const { apiKey } of upstream.received.slice(-3)) others.add(apiKey);
  assert.deepEqual([...others], [home]);
});

test('nobody of another group reaches the account of a response, and one that nobody knows is 404', async () => {
  answerWith('resp_private');
  await responses({});
  const home = servedBy();
  upstream.plan = ({ apiKey }) => (apiKey === home ? { body: Buffer.from('{"id":"resp_private"}') } : { status: 404 });
  for (const [id, key] of [
    ['resp_private', OTHER_KEY],
    ['resp_nobody', KEY],
  ] as const) {
    if (key === KEY) upstream.plan = () => ({ status: 404 });
    const before = upstream.received.length;
    const answer = await send(gateway.url, { method: 'GET', path: `/v1/responses/${id}`, key });
    assert.equal(answer.status, 404, id);
    assert.match(answer.json().error.message, /is known to hold this response/);
    const asked = new Set(upstream.received.slice(before).map(({ apiKey }) => apiKey));
    assert.deepEqual([asked.size, key === OTHER_KEY && asked.has(home)], [3, false], 'each account of the group, once');
  }
  upstream.plan = () => ({});
  const { status } = await responses({});
  assert.equal(status, 200, 'no account rests for what it did not know');
});

test('an account that is not known to hold a response is found by asking, and known from then on', async () => {
  upstream.plan = ({ apiKey }) =>
    apiKey.endsWith('o-a2') ? { body: Buffer.from('{"id":"resp_lost"}') } : { status: 404 };
  const first = await send(gateway.url, { method: 'GET', path: '/v1/responses/resp_lost', key: KEY });
  assert.equal(first.status, 200);
  const before = upstream.received.length;
  for (let i = 0; i < 3; i++) {
    const again = await send(gateway.url, { method: 'GET', path: '/v1/responses/resp_lost', key: KEY });
    assert.equal(again.status, 200);
  }
  assert.equal(upstream.received.length - before, 3);
});

test('sessions and responses outlive a reload', async () => {
  answerWith('resp_reloaded');
  await responses({ prompt_cache_key: 'before' });
  const home = servedBy();
  await gateway.reload();
  upstream.plan = ({ apiKey }) => (apiKey === home ? { body: Buffer.from('{"id":"resp_reloaded"}') } : { status: 404 });
  const before = upstream.received.length;
  const answer = await send(gateway.url, { method: 'GET', path: '/v1/responses/resp_reloaded', key: KEY });
  assert.deepEqual([answer.status, upstream.received.length - before], [200, 1]);
  answerWith('resp_after_reload');
  await responses({ prompt_cache_key: 'before' });
  assert.equal(servedBy(), home);
});
