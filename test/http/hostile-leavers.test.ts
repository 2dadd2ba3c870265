/**
 * Clients that end their half, break off at every stage, or only sit there: what was served is billed once, nothing stays held, and
 * those who wait behind them are served.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { KEY } from '../support/gateway.ts';
import { HostileScene, NARROW_KEY, questionText } from '../support/hostile-scene.ts';
import { send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { RawSocket, rawRequest } from '../support/raw-socket.ts';
import { findRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

/** The test's `endless` answers end by it, its floods by the bytes of the drain long before. */
const DRAIN_MS = 800;
const DRAIN_BYTES = 65_536;
const FLOOD = { events: 2_000, eventChars: 4_000, paceMs: 2, usage: { inputTokens: 99 } };

let scene: HostileScene;
/** Aborted once something of what breaks has come. */
const begun = new AbortController();

before(async () => {
  scene = await HostileScene.start(
    { relay: { clientGoneDrainMs: DRAIN_MS, clientGoneDrainBytes: DRAIN_BYTES } },
    (label) => {
      if (label.startsWith('endless')) return { events: 2_000, paceMs: 20, usage: { inputTokens: 77 } };
      if (label.startsWith('flood')) return FLOOD;
      if (label.startsWith('breaks')) return { events: 20, breakAt: 6, breakHow: 'reset', restAfter: begun.signal };
      if (label.startsWith('silent')) return { headersAfterMs: 60_000 };
      if (label.startsWith('long')) return { events: 40, paceMs: 10, usage: { inputTokens: 55 } };
      if (label.startsWith('late')) return { headersAfterMs: 5_000 };
      return {};
    },
  );
});
afterEach(() => scene.assertUnharmed());
after(() => scene.stop());

async function opened(request: Parameters<typeof rawRequest>[0]): Promise<RawSocket> {
  const socket = await RawSocket.open(scene.url);
  await socket.write(rawRequest(request));
  return socket;
}

async function value(name: string): Promise<number> {
  return metric(await scene.gateway.metrics(), name);
}

// ── half-closed connections ─────────────────────────────────────────────────────────────────────────────────────────────────────

test('a client that ends its half of the connection behind its request counts as gone: nothing is answered, nothing is held', async () => {
  for (const [label, stream] of [
    ['late-half', false],
    ['endless-half', true],
  ] as const) {
    const socket = await opened({ body: questionText(label, { stream }) });
    await waitFor('the request at the upstream', () => scene.arrived(label).length === 1);
    socket.end();
    await socket.isEnded();
    assert.ok(!socket.answers.some(({ whole }) => whole), socket.text.slice(0, 300));
    await scene.gateway.assertIdle();
  }
  const row = findRow(await usageOf(scene.gateway), (await scene.upstream.served('endless-half')).requestId);
  assert.deepEqual([row.status, row.inputTokens], ['client_gone', 77]);
});

test('a client that ends its half within head or body leaves nothing behind', async () => {
  for (const bytes of ['', 'POST /v1/mes', rawRequest({ length: 1_000 }), `${rawRequest({ length: 1_000 })}{`]) {
    const socket = await RawSocket.open(scene.url);
    await socket.write(bytes);
    socket.end();
    await socket.isEnded();
    assert.equal(socket.text, '');
  }
});

// ── resets at every stage ───────────────────────────────────────────────────────────────────────────────────────────────────────

test('a reset within the head or the body leaves nothing behind', async () => {
  for (const bytes of [
    '',
    'POST /v1/mes',
    rawRequest({ length: 100_000 }),
    `${rawRequest({ length: 100_000 })}${'{'.repeat(50_000)}`,
    `${rawRequest({ length: null, lines: ['transfer-encoding: chunked'] })}5\r\n{"a`,
  ]) {
    const before = await value('penstock_exchanges_opened_total');
    const socket = await RawSocket.open(scene.url);
    await socket.write(bytes);
    if (bytes.includes('\r\n\r\n'))
      await waitFor('the exchange', async () => (await value('penstock_exchanges_opened_total')) > before);
    socket.reset();
    await scene.gateway.assertIdle();
  }
});

test('a reset while waiting in a queue frees the room in it; those behind are served', async () => {
  const holder = await opened({ key: NARROW_KEY, body: questionText('endless-queue', { stream: true }) });
  await holder.receives('content_block_delta');
  const waiting = await Promise.all(
    Array.from({ length: 5 }, (_, i) => opened({ key: NARROW_KEY, body: questionText(`queued-${i}`) })),
  );
  const queued = (): Promise<number> => value('penstock_queue_waiting');
  await waitFor('five in the queue', async () => (await queued()) === 5);
  for (const index of [0, 2]) waiting[index]!.reset();
  await waitFor('three in the queue', async () => (await queued()) === 3);
  holder.reset();
  for (const index of [1, 3, 4]) {
    assert.equal((await waiting[index]!.answer()).status, 200);
    waiting[index]!.close();
  }
  assert.deepEqual(
    [0, 2].map((index) => scene.arrived(`queued-${index}`).length),
    [0, 0],
  );
});

test('a reset before the first byte of the answer ends the attempt; nothing was served, nothing is billed', async () => {
  for (const stream of [false, true]) {
    const label = `silent-reset-${stream}`;
    const rows = (await usageOf(scene.gateway)).requests;
    const socket = await opened({ body: questionText(label, { stream }) });
    await waitFor('the request at the upstream', () => scene.arrived(label).length === 1);
    socket.reset();
    assert.equal((await scene.upstream.served(label)).ending, 'left');
    await scene.gateway.assertIdle();
    assert.equal((await usageOf(scene.gateway)).requests, rows);
  }
});

test('a reset in the middle of a stream ends it upstream within the drain; what was served is billed once', async () => {
  const socket = await opened({ body: questionText('endless-reset', { stream: true }) });
  await socket.receives('content_block_delta');
  socket.reset();
  const served = await scene.upstream.served('endless-reset');
  assert.equal(served.ending, 'left');
  await scene.gateway.assertIdle();
  const row = findRow(await usageOf(scene.gateway), served.requestId);
  assert.deepEqual([row.status, row.inputTokens], ['client_gone', 77]);
});

test('a flood is read on for no more than the bytes of the drain when its client is gone', async () => {
  const before = await value('penstock_upstream_bytes_total');
  const socket = await opened({ body: questionText('flood', { stream: true }) });
  await socket.receives('content_block_delta');
  socket.reset();
  const served = await scene.upstream.served('flood');
  assert.equal(served.ending, 'left');
  await scene.gateway.assertIdle();
  const row = findRow(await usageOf(scene.gateway), served.requestId);
  assert.deepEqual([row.status, row.inputTokens, row.usageSource], ['client_gone', 99, 'estimated']);
  const read = (await value('penstock_upstream_bytes_total')) - before;
  assert.ok(read > DRAIN_BYTES && read < 4_000_000, `${read} bytes were read of at least 8 MB`);
});

test('a stream that its upstream breaks ends in an error event and a FIN inside the chunked framing, not in a reset', async () => {
  const socket = await opened({ body: questionText('breaks', { stream: true }) });
  await socket.receives('event: ');
  begun.abort();
  await socket.isEnded();
  const [answer] = socket.answers;
  assert.equal(socket.ending, 'fin');
  assert.equal(answer?.whole, false);
  assert.match(socket.text, /event: error\ndata: [^\n]+\n\n\r\n$|event: error\ndata: [^\n]+\n\n$/);
  assert.doesNotMatch(socket.text, /\r\n0\r\n/);
});

test('a reset behind the last byte changes nothing: the answer was whole and is billed as completed', async () => {
  for (const stream of [false, true]) {
    const label = `whole-${stream}`;
    const socket = await opened({ body: questionText(label, { stream }) });
    assert.equal((await socket.answer()).whole, true);
    socket.reset();
    const served = await scene.upstream.served(label);
    await scene.gateway.assertIdle();
    assert.equal(findRow(await usageOf(scene.gateway), served.requestId).status, 'completed');
  }
});

test('resets at random moments of many streams leave one row for each that was served, and nothing held', async () => {
  const labels = Array.from({ length: 60 }, (_, i) => `long-${i}`);
  await Promise.all(
    labels.map(async (label, i) => {
      const socket = await opened({ body: questionText(label, { stream: true }) });
      await socket.until(
        'bytes',
        () => socket.ended || socket.text.length > i * 150 || socket.answers[0]?.whole === true,
      );
      socket.reset();
    }),
  );
  await scene.gateway.assertIdle();
  const usage = await usageOf(scene.gateway);
  for (const label of labels.slice(1)) {
    const served = scene.upstream.ledger.find((entry) => entry.label === label && entry.bytes > 0);
    if (served !== undefined) assert.equal(findRow(usage, served.requestId).inputTokens, 55, label);
  }
});

// ── idle connections ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('some hundred idle connections, fresh and used, are closed by the server after a while and cost others nothing', async () => {
  const idle = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const socket = await RawSocket.open(scene.url);
      if (i % 3 === 0) {
        await socket.write(rawRequest({ method: 'GET', target: '/healthz', length: null }));
        await socket.answer();
      }
      return socket;
    }),
  );
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => send(scene.url, { key: KEY, body: questionText(`beside-${i}`) })),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  await waitFor('the end of the idle connections', () => idle.every(({ ended }) => ended), { boundMs: 40_000 });
  for (const socket of idle) socket.close();
});
