/** `usage.durability: journaled`: no client sees an answer complete whose record is not on disk; nothing else is held up. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { streamFrames } from '../support/anthropic-answer.ts';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { finish, MODEL, open, question, readUntil, send } from '../support/http-client.ts';
import { Load } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, findRow, ledgerNanoUsd, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    usage: { durability: 'journaled' },
    relay: { terminalGraceMs: 2_000, clientGoneDrainMs: 400 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

test('answers of every form arrive byte for byte and are billed once, over all fronts', async () => {
  upstream.plan = ({ index }) => ({
    events: 5 + (index % 9),
    paceMs: index % 4 === 3 ? 5 : 0,
    cutBytesMax: [7, 60, 900, 20_000][index % 4]!,
  });
  const load = await new Load(gateway.url, {
    clients: 30,
    requestsEach: 8,
    label: 'forms',
    freshConnections: true,
  }).finished();
  assert.equal(load.completed, 240, load.details.join('\n'));
  assert.equal(load.fronts.size, 3);
  const usage = await usageOf(gateway);
  assertBooksEqualLedger(usage, upstream);
  assert.equal(BigInt(usage.chargedNanoUsd), ledgerNanoUsd(upstream));
  for (const stream of [true, false]) {
    upstream.plan = () => ({ events: 40, cutBytesMax: 50, thinking: true, tool: true });
    const label = `bytes-${stream}`;
    const answer = await send(gateway.url, { key: KEY, body: question(label, { stream }) });
    assert.equal(answer.sha256, (await upstream.served(label)).sha256);
  }
});

test('every delta arrives at once: only the end of an answer waits', async () => {
  const rest = new AbortController();
  upstream.plan = () => ({ events: 10, restAt: 4, restAfter: rest.signal });
  const response = await open(gateway.url, { key: KEY, body: question('paced', { stream: true }) });
  await readUntil(response, 'content_block_delta');
  assert.ok(!upstream.ledger.some(({ label }) => label === 'paced'), 'the first delta did not wait for the end');
  rest.abort();
  assert.ok((await finish(response)).whole);
});

test('an upstream that says its last event and does not end is cut off, and the client gets its answer complete', async () => {
  const usage = { inputTokens: 5, outputTokens: 7, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
  const shape = { id: 'msg_end', model: MODEL, usage, events: 2, eventChars: 24, thinking: false, tool: false };
  const pieces = streamFrames(shape);
  const bytes = Buffer.concat(pieces).length;
  const taken = async () => metric(await gateway.metrics(), 'penstock_upstream_bytes_total');
  for (const breakHow of ['stall', 'reset'] as const) {
    const label = `${breakHow}-at-end`;
    const read = new AbortController();
    upstream.plan = () => ({ pieces, breakAt: pieces.length, breakHow, restAfter: read.signal });
    const before = await taken();
    const startedMs = performance.now();
    const answering = send(gateway.url, { key: KEY, body: question(label, { stream: true }) });
    // A reset would discard what the gateway has not read.
    await waitFor('the last event to be read', async () => (await taken()) - before === bytes);
    read.abort();
    const answer = await answering;
    assert.ok(answer.whole, 'whole');
    assert.deepEqual(answer.events().at(-1)?.event, 'message_stop');
    assert.ok(performance.now() - startedMs < 10_000);
    const served = await upstream.served(label);
    assert.notEqual(served.ending, 'whole');
    assert.equal(findRow(await usageOf(gateway), served.requestId).status, 'completed');
  }
});

test('a client that leaves before the end is billed as gone, and nothing is held for it', async () => {
  const never = new AbortController();
  upstream.plan = () => ({ events: 30, paceMs: 30, restAt: 25, restAfter: never.signal });
  await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const response = await open(gateway.url, { key: KEY, body: question(`leaver-${i}`, { stream: true }) });
      await readUntil(response, 'content_block_delta');
      response.destroy();
    }),
  );
  await gateway.assertIdle();
  const gone = (await usageOf(gateway)).rows.filter((row) => row.status === 'client_gone');
  assert.equal(gone.length, 12);
});

test('an error event of the upstream and refusals pass without waiting for anything', async () => {
  const error = 'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error","message":"No"}}\n\n';
  upstream.plan = () => ({ body: Buffer.from(error) });
  const answer = await send(gateway.url, { key: KEY, body: question('error-event', { stream: true }) });
  assert.equal(answer.body.toString(), error);
  upstream.plan = () => ({ status: 400 });
  assert.equal((await send(gateway.url, { key: KEY, body: question('refused') })).status, 400);
});

test('SIGTERM under load: every answer ends whole, and every record that made it so is in the books', async () => {
  const since = upstream.ledger.length;
  const before = await usageOf(gateway);
  upstream.plan = () => ({ events: 20, paceMs: 20 });
  const load = new Load(gateway.url, { clients: 30, label: 'drain', endOnRefusedConnection: true });
  await waitFor('a load', () => upstream.ledger.length > since + 30 && upstream.openNow() > 10);
  assert.equal(await gateway.terminate(), 0, gateway.log);
  const result = await load.stop();
  assert.equal(result.broken, 0, result.details.join('\n'));
  await gateway.launch();
  const usage = await usageOf(gateway);
  assertBooksEqualLedger(usage, upstream, before, since);
  assert.equal(usage.requests - before.requests, result.completed);
  assert.ok(metric(await gateway.metrics(), 'penstock_journal_syncs_total') >= 0);
});
