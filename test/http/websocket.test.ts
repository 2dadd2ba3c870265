/** Responses over WebSockets: each message is a turn that is admitted, metered and billed alone; messages pass as they are. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { loadVocabulary } from '#tokenizer/vocabulary.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { refusedHandshake, type SocketCall, SocketClient } from '../support/socket-client.ts';
import { responseEvents, SocketUpstream } from '../support/socket-upstream.ts';
import { type UsageRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

/** Nano-USD a token of gpt-5, as its vendor publishes it. */
const PRICE = { input: 1250, output: 10_000, cacheRead: 125 };
const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };
const PER_KEY = 4;
const POOR_KEY = `${KEY}-poor`;
const BUSY_KEY = `${KEY}-busy`;
const HTTP_KEY = `${KEY}-http`;
const SILENT_KEY = `${KEY}-silent`;

let upstream: SocketUpstream;
let gateway: TestGateway;
const clients: SocketClient[] = [];

before(async () => {
  upstream = await SocketUpstream.start();
  const openai = { platform: 'openai', models: ['gpt*'] };
  gateway = await TestGateway.start({
    catalog: {
      groups: ['main', 'http', 'silent'].map((name) => ({ name, platform: 'openai', rateMultiplier: 1 })),
      accounts: [
        account('a1', upstream.url, { ...openai, modelMap: { 'gpt-alias': 'gpt-real' } }),
        account('h1', upstream.url, { ...openai, groups: ['http'], settings: { websocket: false } }),
        account('s1', upstream.url, { ...openai, groups: ['silent'], settings: { reportsUsage: false } }),
      ],
      users: [
        { name: 'u1', balanceUsd: 1000, concurrency: 100 },
        { name: 'poor', balanceUsd: 0, concurrency: 100 },
        { name: 'busy', balanceUsd: 1000, concurrency: 1 },
      ],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'poor', group: 'main', key: POOR_KEY },
        { user: 'busy', group: 'main', key: BUSY_KEY },
        { user: 'u1', group: 'http', key: HTTP_KEY },
        { user: 'u1', group: 'silent', key: SILENT_KEY },
      ],
    },
    pricing: { fallback: FALLBACK },
    queue: { waitMs: 300 },
    limits: { websocketsPerKey: PER_KEY },
    threads: { fronts: 2 },
  });
});
afterEach(async () => {
  upstream.plan = () => ({});
  upstream.refuse = () => null;
  await closeAll(...clients.splice(0).map((client) => () => client.close()));
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function open(call: SocketCall = {}): Promise<SocketClient> {
  const client = await SocketClient.open(gateway.url, call);
  clients.push(client);
  return client;
}

async function newRows(before: number): Promise<UsageRow[]> {
  await gateway.assertIdle();
  const { rows } = await usageOf(gateway);
  return rows.slice(0, rows.length - before);
}

async function countRows(): Promise<number> {
  return (await usageOf(gateway)).rows.length;
}

test('a content-encoding of the handshake says nothing of its messages', async () => {
  const client = await open({ headers: { 'content-encoding': 'gzip' } });
  const first = upstream.received.length;
  await client.turn({ store: false });
  assert.equal(upstream.received.length, first + 1);
  assert.deepEqual(client.texts, upstream.sent.slice(first).flat());
});

test('a tool loop as Codex does it: a prewarm that costs nothing, two turns billed apart to the token, one upstream', async () => {
  const rowsBefore = await countRows();
  upstream.plan = ({ turnOfConnection, body }) => {
    if (body['generate'] === false)
      return { messages: responseEvents('resp_warm', { input: 0, cached: 0, output: 0 }, []) };
    return {
      messages: responseEvents(`resp_loop_${turnOfConnection}`, {
        input: 1000 * turnOfConnection,
        cached: 400,
        output: 10 * turnOfConnection,
      }),
    };
  };
  const first = upstream.received.length;
  const client = await open({ headers: { 'session-id': 'thread-1', 'x-codex-window-id': 'thread-1:0' } });
  await client.turn({ store: false, generate: false });
  await client.turn({ store: false, previous_response_id: 'resp_warm', input: [] });
  const output = [{ type: 'function_call_output', call_id: 'c1', output: 'ok' }];
  await client.turn({ store: false, previous_response_id: 'resp_loop_1', input: output });
  const turns = upstream.received.slice(first);
  assert.deepEqual(client.texts, upstream.sent.slice(first).flat(), 'every message as the upstream sent it');
  assert.deepEqual(
    turns.map(({ connection }) => connection),
    [0, 0, 0].map(() => turns[0]!.connection),
    'the chain stays on one connection',
  );
  assert.equal(
    turns[2]!.text,
    JSON.stringify({
      type: 'response.create',
      model: 'gpt-5',
      ...{ input: output },
      store: false,
      previous_response_id: 'resp_loop_1',
    }),
  );
  const { headers, url } = turns[0]!;
  assert.equal(url, '/v1/responses');
  assert.equal(headers.authorization, 'Bearer sk-up-a1', "the account's credential, not the client's");
  assert.equal(headers['openai-beta'], 'responses_websockets=2026-02-06');
  assert.equal(headers['session-id'], 'thread-1');
  const rows = await newRows(rowsBefore);
  assert.deepEqual(rows.map((row) => [row.inputTokens, row.outputTokens, row.status, row.usageSource]).sort(), [
    [1600, 20, 'completed', 'reported'],
    [600, 10, 'completed', 'reported'],
  ]);
  const charged = rows.reduce((sum, row) => sum + BigInt(row.chargedNanoUsd), 0n);
  assert.equal(charged, BigInt((1600 + 600) * PRICE.input + 2 * 400 * PRICE.cacheRead + 30 * PRICE.output));
});

test("the account's name of the model is spliced into the message, and nothing else of it changes", async () => {
  const client = await open({ path: '/responses' });
  const text = '{ "type":"response.create","model" : "gpt-alias", "input":"hé \\u00e9", "n":1.50, "stream":true }';
  client.sendText(text);
  await client.sees('response.completed');
  assert.equal(upstream.received.at(-1)!.text, text.replace('gpt-alias', 'gpt-real'));
});

test('an unknown key and a key without one are refused before the upgrade, in the dialect of OpenAI', async () => {
  for (const [key, code] of [
    ['sk-ps-unknown', 'invalid_api_key'],
    ['', 'invalid_api_key'],
  ] as const) {
    const { status, body } = await refusedHandshake(gateway.url, { key });
    assert.equal(status, 401);
    assert.equal(JSON.parse(body).error.code, code);
  }
});

test('without a WebSocket to be had the answer is 426, so that Codex falls back silently', async () => {
  const plain = await send(gateway.url, { method: 'GET', path: '/v1/responses', key: KEY });
  assert.equal(plain.status, 426);
  assert.equal(plain.headers.upgrade, 'websocket');
  const alias = await send(gateway.url, { method: 'GET', path: '/responses' });
  assert.equal(alias.status, 426);
  assert.equal((await refusedHandshake(gateway.url, { key: HTTP_KEY })).status, 426, 'no account speaks it');
  assert.equal((await send(gateway.url, { method: 'DELETE', path: '/v1/responses', key: KEY })).status, 405);
});

test('a key opens as many WebSockets on each front as it may, and one more when one has closed', async () => {
  const perFront = new Map<string, SocketClient[]>();
  const refusals: string[] = [];
  await waitFor('both fronts full', async () => {
    const client = await open().catch((error: Error) => void refusals.push(error.message));
    if (client) perFront.set(client.front, [...(perFront.get(client.front) ?? []), client]);
    return [...perFront.values()].flat().length === 2 * PER_KEY && refusals.length > 0;
  });
  assert.deepEqual(
    [...perFront.values()].map((list) => list.length),
    [PER_KEY, PER_KEY],
  );
  const { status, body } = await refusedHandshake(gateway.url, {});
  assert.equal(status, 426);
  assert.match(JSON.parse(body).error.message, /As many WebSockets are open as may be/);
  for (const list of perFront.values()) await list[0]!.close();
  await waitFor('room for one more', () => open().catch(() => null));
});

test('refusals of a turn are messages, the connection stays and the next turn is served', async () => {
  const rowsBefore = await countRows();
  const forwarded = upstream.received.length;
  const poor = await open({ key: POOR_KEY });
  const broke = await poor.turn();
  assert.deepEqual([broke.type, broke.status, broke.error?.code], ['error', 429, 'insufficient_quota']);
  assert.equal((broke['headers'] as Record<string, string>)['x-should-retry'], 'false');
  const client = await open();
  for (const [fields, status, code] of [
    [{ model: 'claude-x' }, 404, 'model_not_found'],
    [{ model: undefined }, 400, 'field_invalid'],
    [{ input: 7 }, 400, 'field_invalid'],
    [{ type: 'response.cancel' }, 400, 'field_invalid'],
  ] as const) {
    const refused = await client.turn(fields);
    assert.deepEqual([refused.type, refused.status, refused.error?.code], ['error', status, code]);
  }
  for (const text of ['{', '', 'null', '[]', '{"type":"response.create","model":"gpt-5",}']) {
    const count = client.ended.length;
    client.sendText(text);
    const refused = await waitFor('a refusal', () => client.ended[count]);
    assert.deepEqual([refused.type, refused.status], ['error', 400], text);
  }
  assert.equal(upstream.received.length, forwarded, 'nothing was forwarded');
  assert.equal((await client.turn()).type, 'response.completed');
  assert.equal((await newRows(rowsBefore)).length, 1, 'nothing else was billed');
});

test('a user who is busy waits, then is told so; the turn after that is served', async () => {
  const held = new AbortController();
  upstream.plan = ({ body }) => (body['input'] === 'slow' ? { holdUntil: held.signal } : {});
  const one = await open({ key: BUSY_KEY });
  const two = await open({ key: BUSY_KEY });
  one.create({ input: 'slow' });
  await waitFor('the first turn', () => upstream.received.at(-1)?.body['input'] === 'slow');
  const refused = await two.turn();
  assert.deepEqual([refused.status, refused.error?.code], [429, 'rate_limit_exceeded']);
  assert.equal((refused['headers'] as Record<string, string>)['retry-after'], '1');
  let waits = two.turn();
  held.abort();
  await waitFor('a turn that is served', async () => {
    const { type, status } = await waits;
    if (type === 'response.completed') return true;
    assert.equal(status, 429, 'the user was busy for as long as it waited');
    waits = two.turn();
    return false;
  });
  await one.sees('response.completed');
});

test('a second request while a response is in progress is refused and not forwarded; the first one goes on', async () => {
  const held = new AbortController();
  upstream.plan = () => ({ holdUntil: held.signal });
  const client = await open();
  const forwarded = upstream.received.length;
  client.create({ input: 'first' });
  await waitFor('the first turn', () => upstream.received.length === forwarded + 1);
  client.create({ input: 'second' });
  await client.sees('error');
  assert.deepEqual([client.messages[0]!.status, client.messages[0]!.error?.code], [409, 'turn_in_progress']);
  held.abort();
  await client.sees('response.completed');
  assert.equal(upstream.received.length, forwarded + 1);
});

test('metrics count WebSockets and turns, and none is left open', async () => {
  await waitFor('every WebSocket closed', async () => {
    const metrics = await gateway.metrics();
    const opened = metric(metrics, 'penstock_websockets_opened_total');
    return opened > 0 && opened === metric(metrics, 'penstock_websockets_closed_total');
  });
  const metrics = await gateway.metrics();
  assert.ok(metric(metrics, 'penstock_turns_total') > 10);
  await waitFor('its upstream WebSockets closed', () => upstream.open === 0);
});

test('turns of an account that reports no usage are counted, each by its own texts', async () => {
  const rowsBefore = await countRows();
  const vocabulary = await loadVocabulary('o200k_base');
  const turns = [
    ['How wet is water?', ['Quite', ' w', 'et.']],
    ['And fire?', ['No', 't at all']],
  ] as const;
  const client = await open({ key: SILENT_KEY });
  for (const [input, texts] of turns) {
    upstream.plan = () => ({ messages: responseEvents('resp_silent', null, [...texts]) });
    assert.equal((await client.turn({ input })).type, 'response.completed');
  }
  const rows = await waitFor('both rows', async () => {
    const found = await newRows(rowsBefore);
    return found.length === turns.length && found.reverse();
  });
  for (const [i, [input, texts]] of turns.entries()) {
    const { inputTokens, outputTokens, usageSource } = rows[i]!;
    // A message's frame and the reply's.
    const expected = [vocabulary.count(input) + 6, vocabulary.count(texts.join('')), 'estimated'];
    assert.deepEqual([inputTokens, outputTokens, usageSource], expected);
  }
});
