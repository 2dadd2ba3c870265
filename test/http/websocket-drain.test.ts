/** WebSockets when the process or a front ends, and with records that must be on disk first: nothing lost, nothing doubled. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { allFrontsListen, crashFront } from '../support/front-faults.ts';
import { account, type ConfigPatch, KEY, TestGateway } from '../support/gateway.ts';
import { metric } from '../support/metrics.ts';
import { SocketClient } from '../support/socket-client.ts';
import { responseEvents, SocketUpstream } from '../support/socket-upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const CA = readFileSync(new URL('../support/private-ca.pem', import.meta.url), 'utf8');
const USAGE = { input: 100, cached: 0, output: 7 };
const LONG = Array.from({ length: 40 }, () => 'some words of an answer ');
/** More than sockets take for a reader that reads nothing. */
const LARGE = 'x'.repeat(12 * 1024 * 1024);
const LARGE_MESSAGES = { websocket: { messageBytesMax: 16 * 1024 * 1024 } };

let upstream: SocketUpstream | undefined;
let gateway: TestGateway | undefined;
const clients: SocketClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
  gateway = upstream = undefined;
});

async function start(
  patch: ConfigPatch,
  fields: object = {},
): Promise<{ upstream: SocketUpstream; gateway: TestGateway }> {
  upstream ??= await SocketUpstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: [account('a1', upstream.url, { platform: 'openai', models: ['gpt*'], ...fields })],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    threads: { fronts: 2 },
    ...patch,
  });
  return { upstream, gateway };
}

async function open(): Promise<SocketClient> {
  const client = await SocketClient.open(gateway!.url);
  clients.push(client);
  return client;
}

/** Of answers, for readers that are behind. */
async function heldBytes(): Promise<number> {
  return metric(await gateway!.metrics(), 'penstock_stream_bytes_held');
}

test('SIGTERM: the turn under way ends whole, then 1001; a connection without one is told at once', async () => {
  const scene = await start({});
  const rest = new AbortController();
  const messages = responseEvents('resp_drain', USAGE, LONG);
  scene.upstream.plan = () => ({ messages, restAt: 20, restAfter: rest.signal });
  const [idle, busy] = [await open(), await open()];
  busy.create();
  await busy.sees('response.output_text.delta');
  const ended = scene.gateway.terminate();
  assert.deepEqual(await idle.end(), { code: 1001, reason: 'the gateway is closing' });
  assert.equal(busy.closed, null);
  rest.abort();
  assert.equal((await busy.end()).code, 1001);
  assert.equal(busy.messages.at(-1)!.type, 'response.completed');
  assert.equal(await ended, 0);
  await scene.gateway.launch();
  const { rows } = await usageOf(scene.gateway);
  assert.deepEqual(
    rows.map((row) => [row.status, row.inputTokens, row.outputTokens]),
    [['completed', 100, 7]],
  );
});

test('SIGTERM: a turn that does not end in time is broken off with an error, then 1001, and billed once', async () => {
  const scene = await start({ shutdown: { drainMs: 300 } });
  scene.upstream.plan = () => ({ messages: responseEvents('resp_stuck', USAGE, LONG), breakAt: 20, breakHow: 'stall' });
  const [client, waits] = [await open(), await open()];
  client.create();
  await client.sees('response.output_text.delta', 18);
  assert.equal(await scene.gateway.terminate(), 0);
  assert.equal((await client.end()).code, 1001);
  assert.equal((await waits.end()).code, 1001);
  const last = client.messages.at(-1)!;
  assert.deepEqual([last.type, last.status, last.error?.code], ['error', 503, 'draining']);
  await scene.gateway.launch();
  const { rows } = await usageOf(scene.gateway);
  assert.deepEqual(
    rows.map((row) => [row.status, row.usageSource]),
    [['interrupted', 'estimated']],
  );
});

test('a reload sends connections to the next process behind their turn', async () => {
  const scene = await start({});
  const rest = new AbortController();
  const messages = responseEvents('resp_reload', USAGE, LONG);
  scene.upstream.plan = () => ({ messages, restAt: 20, restAfter: rest.signal });
  const [idle, busy] = [await open(), await open()];
  busy.create();
  await busy.sees('response.output_text.delta');
  const reloaded = scene.gateway.reload();
  assert.equal((await idle.end()).code, 1001);
  assert.equal(busy.closed, null);
  rest.abort();
  assert.equal((await busy.end()).code, 1001);
  assert.equal(busy.messages.at(-1)!.type, 'response.completed');
  await reloaded;
  const again = await open();
  assert.equal((await again.turn()).type, 'response.completed');
  assert.equal((await usageOf(scene.gateway)).rows.length, 2);
});

test('a reload: a reader that is behind gets all of its answer before it is sent away', async () => {
  const scene = await start(LARGE_MESSAGES);
  // Of the first the end waits in the gateway, of the second half still at the upstream.
  const sizes = [1, 2];
  scene.upstream.plan = ({ body }) => ({
    messages: responseEvents(
      'resp_behind',
      USAGE,
      Array.from({ length: Number(body['deltas']) }, () => LARGE),
    ),
  });
  const late = [await open(), await open()];
  for (const [at, client] of late.entries()) {
    client.socket.pause();
    client.create({ deltas: sizes[at] });
  }
  await waitFor('both held up', async () => (await heldBytes()) > LARGE.length);
  const idle = await open();
  const reloaded = scene.gateway.reload();
  assert.equal((await idle.end()).code, 1001);
  for (const [at, client] of late.entries()) {
    client.socket.resume();
    assert.deepEqual(await client.end(), { code: 1001, reason: 'the gateway is closing' });
    assert.equal(client.messages.at(-1)!.type, 'response.completed');
    assert.equal(client.messages.length, sizes[at]! + 3);
  }
  await reloaded;
  const { rows } = await usageOf(scene.gateway);
  assert.deepEqual(
    rows.map(({ status }) => status),
    ['completed', 'completed'],
  );
});

test('SIGTERM: a reader that takes nothing keeps the process no longer than its turns may', async () => {
  const scene = await start({ ...LARGE_MESSAGES, shutdown: { drainMs: 500 } });
  scene.upstream.plan = () => ({
    messages: responseEvents(
      'resp_stuck',
      USAGE,
      Array.from({ length: 4 }, () => LARGE),
    ),
  });
  const client = await open();
  client.socket.pause();
  client.create();
  await waitFor('it held up', async () => (await heldBytes()) > 0);
  const startMs = performance.now();
  assert.equal(await scene.gateway.terminate(), 0);
  assert.ok(performance.now() - startMs < 30_000, 'long before a reader that takes nothing is given up');
});

test('a front that crashes ends its turns with an error; they are billed once and no place is left', async () => {
  const scene = await start({ test: { nameFront: true, crashHeader: true } });
  scene.upstream.plan = () => ({ messages: responseEvents('resp_crash', USAGE, LONG), breakAt: 20, breakHow: 'stall' });
  const client = await open();
  client.create();
  await client.sees('response.output_text.delta', 18);
  await crashFront(scene.gateway, client.front);
  await client.end();
  await allFrontsListen(scene.gateway);
  await scene.gateway.assertIdle();
  const { rows } = await usageOf(scene.gateway);
  assert.deepEqual(
    rows.map(({ status }) => status),
    ['interrupted'],
  );
  scene.upstream.plan = () => ({});
  assert.equal((await (await open()).turn()).type, 'response.completed');
});

test('kill -9 in a turn: one interrupted row, made from its open record', async () => {
  const scene = await start({});
  scene.upstream.plan = () => ({ messages: responseEvents('resp_kill', USAGE, LONG), breakAt: 20, breakHow: 'stall' });
  const client = await open();
  client.create();
  await client.sees('response.output_text.delta', 18);
  await waitFor(
    'its open record',
    async () => (await scene.gateway.metrics()).get('penstock_open_records_total') !== 0,
  );
  // By then it is in the journal, too.
  await scene.gateway.flush();
  process.kill(scene.gateway.gatewayPid, 'SIGKILL');
  await client.end();
  await scene.gateway.replaced();
  const rows = await waitFor('its row', async () => {
    const report = await usageOf(scene.gateway);
    return report.rows.length > 0 ? report.rows : null;
  });
  assert.deepEqual(
    rows.map(({ status }) => status),
    ['interrupted'],
  );
});

test('journaled: the last event of a turn leaves once its record is on disk, and turns go on as ever', async () => {
  const scene = await start({ usage: { durability: 'journaled' } });
  const client = await open();
  for (let turn = 1; turn <= 5; turn++) assert.equal((await client.turn()).type, 'response.completed');
  assert.deepEqual(client.texts, scene.upstream.sent.flat());
  await scene.gateway.assertIdle();
  assert.equal((await usageOf(scene.gateway)).rows.length, 5);
});

test('over TLS the upstream is verified, by the authority of the account', async () => {
  upstream = await SocketUpstream.start({ tls: 'ca-signed.pem' });
  const scene = await start({}, { ca: CA });
  assert.equal((await (await open()).turn()).type, 'response.completed');
  await scene.gateway.stop();
  const strict = await start({});
  const refused = await (await open()).turn();
  assert.deepEqual([refused.status, refused.error?.code], [502, 'upstream_tls']);
  assert.equal(strict.upstream.received.length, 1);
});
