/** Every token is billed exactly once: the books against the upstream's own ledger. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Call, MODEL, open, pinToFronts, question, readUntil, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, findRow, ledgerNanoUsd, resultLine, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const KEY_DEAR = `${KEY}-dear`;
const KEY_PAIR = `${KEY}-pair`;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const catalog = standardCatalog(upstream.url);
  catalog['groups']!.push({ name: 'dear', rateMultiplier: 1.5 }, { name: 'pair' });
  catalog['accounts']!.push(
    account('dear', upstream.url, { groups: ['dear'] }),
    account('first', upstream.url, { groups: ['pair'], priority: 1 }),
    account('second', upstream.url, { groups: ['pair'], priority: 2 }),
  );
  catalog['keys']!.push({ user: 'u1', group: 'dear', key: KEY_DEAR }, { user: 'u1', group: 'pair', key: KEY_PAIR });
  gateway = await TestGateway.start({ catalog, relay: { clientGoneDrainMs: 400 } });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** Numbers that differ from request to request, so that sums tell apart which were counted. */
function variedPlan({ index }: Received): Plan {
  return {
    events: 10 + (index % 7),
    paceMs: 5,
    cutBytesMax: index % 2 === 0 ? 90 : 5_000,
    usage: {
      inputTokens: 1000 + index,
      outputTokens: 100 + (index % 13),
      cacheReadTokens: (index * 37) % 5_000,
      cacheWrite5mTokens: (index * 11) % 300,
      cacheWrite1hTokens: (index * 7) % 200,
    },
  };
}

test('200 concurrent streams over three fronts are billed to the token and the nano-USD', async (t) => {
  upstream.plan = variedPlan;
  const options = { clients: 200, requestsEach: 2, streams: 1, label: 'load', freshConnections: true };
  const load = await new Load(gateway.url, options).finished();
  assert.equal(load.completed, 400, load.details.join('\n'));
  assert.equal(load.fronts.size, 3, 'all fronts served');
  const usage = await usageOf(gateway);
  t.diagnostic(resultLine('load', load, usage, upstream));
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
});

test('whole JSON answers are billed like streams', async () => {
  const before = await usageOf(gateway);
  const since = upstream.ledger.length;
  upstream.plan = variedPlan;
  const options = { clients: 20, requestsEach: 5, streams: 0, label: 'json' };
  const load = await new Load(gateway.url, options).finished();
  assert.equal(load.completed, 100, load.details.join('\n'));
  const usage = await usageOf(gateway);
  assertBooksEqualLedger(usage, upstream, before, since);
  assert.equal(BigInt(usage.chargedNanoUsd) - BigInt(before.chargedNanoUsd), ledgerNanoUsd(upstream, since));
});

async function rowOf(label: string, call: Partial<Call> & { stream?: boolean } = {}) {
  const { stream = false, ...rest } = call;
  const body = question(label, { stream });
  const answer = await send(gateway.url, { key: KEY, body, headers: { 'x-request-id': 'client-id' }, ...rest });
  const served = await upstream.served(label);
  await gateway.assertIdle();
  return { answer, served, row: findRow(await usageOf(gateway), served.requestId) };
}

test('the command prints what the admin API tells', async () => {
  assert.equal((await gateway.cli('flush')).code, 0);
  assert.deepEqual(await gateway.cliJson('usage', '--limit', '50'), await usageOf(gateway, 50));
});

test("a group's multiplier is applied with one rounding", async () => {
  upstream.plan = () => ({ usage: { inputTokens: 7, outputTokens: 3, cacheReadTokens: 1 } });
  const { row } = await rowOf('dear', { key: KEY_DEAR });
  assert.equal(row.chargedNanoUsd, String((7 * 1000 + 3 * 5000 + 100) * 1.5));
});

test('the row is found under the id that the client was given', async () => {
  upstream.plan = () => ({});
  const { answer, row } = await rowOf('ids');
  assert.equal(row.requestId.replaceAll('-', ''), answer.requestId.replaceAll('-', ''));
  assert.equal(row.model, MODEL);
  assert.equal(row.status, 'completed');
  assert.ok(Math.abs(Date.parse(row.createdAt) - Date.now()) < 60_000);
});

test('a stream that the upstream breaks off is billed once, with what was seen', async () => {
  for (const breakHow of ['reset', 'end'] as const) {
    const begun = new AbortController();
    upstream.plan = () => ({
      events: 40,
      breakAt: 20,
      breakHow,
      restAfter: begun.signal,
      usage: { inputTokens: 500, cacheReadTokens: 60 },
    });
    const { answer, row } = await rowOf(`broken-${breakHow}`, { stream: true, begun });
    assert.equal(answer.whole, false);
    assert.equal(answer.events().at(-1)!.event, 'error');
    assert.equal(row.status, 'interrupted');
    assert.equal(row.inputTokens, 500);
    assert.ok(row.outputTokens > 1 && row.outputTokens < 1000, `${row.outputTokens} output tokens`);
    assert.notEqual(row.usageSource, 'reported');
  }
});

test('an error event inside a stream passes unchanged and is billed as interrupted', async () => {
  const start = `event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"${MODEL}","content":[],"usage":{"input_tokens":42,"output_tokens":1}}}\n\n`;
  const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
  const text = '"index":0,"delta":{"type":"text_delta","text":"so it"}';
  const delta = `event: content_block_delta\ndata: {"type":"content_block_delta",${text}}\n\n`;
  upstream.plan = () => ({ body: Buffer.from(start + delta + error) });
  const { answer, served, row } = await rowOf('error-event', { stream: true });
  assert.equal(answer.sha256, served.sha256);
  assert.deepEqual([row.status, row.inputTokens], ['interrupted', 42]);
});

test('older upstreams that say only output_tokens at the end keep the input of the start; null overwrites nothing', async () => {
  const frame = (type: string, rest: string) => `event: ${type}\ndata: {"type":"${type}",${rest}}\n\n`;
  const text =
    frame(
      'message_start',
      '"message":{"usage":{"input_tokens":30,"cache_creation_input_tokens":8,"output_tokens":2}}',
    ) +
    frame('message_delta', '"delta":{},"usage":{"output_tokens":5,"input_tokens":null}') +
    frame('message_delta', '"delta":{},"usage":{"output_tokens":9}') +
    frame('message_stop', '"x":0');
  upstream.plan = () => ({ body: Buffer.from(text), cutBytesMax: 11 });
  const { row } = await rowOf('older', { stream: true });
  assert.deepEqual([row.inputTokens, row.outputTokens, row.usageSource], [30, 9, 'reported']);
  assert.equal(row.chargedNanoUsd, String(30 * 1000 + 9 * 5000 + 8 * 1250));
});

test('refusals of the upstream and of the gateway are not billed', async () => {
  const before = await usageOf(gateway);
  for (const status of [400, 404, 413, 422]) {
    upstream.plan = () => ({ status });
    assert.equal((await send(gateway.url, { key: KEY, body: question(`unbilled-${status}`) })).status, status);
  }
  await send(gateway.url, { key: KEY, body: '{' });
  await send(gateway.url, { key: 'unknown', body: question('unbilled') });
  const usage = await usageOf(gateway);
  assert.equal(usage.requests, before.requests);
});

test('after a failover only the account that served is billed', async () => {
  upstream.plan = ({ apiKey }) => (apiKey === 'sk-up-first' ? { status: 500 } : { usage: { inputTokens: 77 } });
  const before = await usageOf(gateway);
  const answer = await send(gateway.url, { key: KEY_PAIR, body: question('failover') });
  assert.equal(answer.status, 200);
  const usage = await usageOf(gateway);
  assert.equal(usage.requests - before.requests, 1);
  assert.equal(usage.inputTokens - before.inputTokens, 77);
});

test('clients that leave at every moment leave one row or none, and nothing held', async () => {
  upstream.plan = () => ({ events: 600, paceMs: 15, headersAfterMs: 60, usage: { inputTokens: 10 } });
  const before = await usageOf(gateway);
  const since = upstream.ledger.length;
  const pins = await pinToFronts(gateway.url, 2);
  for (const { agent } of pins) agent.destroy();
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const response = await open(gateway.url, { key: KEY, body: question(`leaver-${i}`, { stream: true }) });
      await readUntil(response, i % 2 === 0 ? 'message_start' : 'content_block_delta');
      response.destroy();
    }),
  );
  await waitFor('the upstream to see the end of all', () => upstream.ledger.length === since + 40);
  await gateway.assertIdle();
  const usage = await usageOf(gateway);
  assert.equal(usage.requests - before.requests, 40);
  const rows = usage.rows.slice(0, 40);
  assert.ok(rows.every((row) => row.status === 'client_gone' && row.inputTokens === 10));
});

test('a client that leaves before the upstream has answered is not billed for nothing', async () => {
  upstream.plan = () => ({ holdUntil: new AbortController().signal });
  const before = await usageOf(gateway);
  const since = upstream.received.length;
  const agent = new Agent({ keepAlive: false });
  const abandoned = open(gateway.url, { key: KEY, body: question('early-leaver'), agent });
  abandoned.catch(() => {});
  await waitFor('the request to arrive', () => upstream.received.length > since);
  agent.destroy();
  await assert.rejects(abandoned);
  await waitFor('the upstream to be left', () => upstream.openNow() === 0);
  await gateway.assertIdle();
  assert.equal((await usageOf(gateway)).requests, before.requests);
});
