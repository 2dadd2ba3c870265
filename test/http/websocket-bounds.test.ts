/** What bounds a WebSocket: frames and messages, slow readers, silence, idleness and age. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { metric } from '../support/metrics.ts';
import { behindHead, type Frame, frame, OPCODE, openRaw } from '../support/raw-frames.ts';
import { type SocketCall, SocketClient } from '../support/socket-client.ts';
import { responseEvents, SocketUpstream } from '../support/socket-upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const MESSAGE_BYTES = 128 * 1024;
const HIGH_WATER_BYTES = 512 * 1024;
/** Longer than a thread is held up: who does not answer a ping for so long is cut off. */
const PING_MS = 2_000;
const IDLE_MS = 7_000;
const AGE_MS = 9_500;

let upstream: SocketUpstream;
let gateway: TestGateway;
const clients: SocketClient[] = [];
/** Clients that do nothing take their time while other tests run. */
let pinged: Promise<SocketClient['closed']>;
let muteEnd: Promise<SocketClient['closed']>;
let idleEnd: Promise<{ end: SocketClient['closed']; afterMs: number }>;

before(async () => {
  upstream = await SocketUpstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [{ name: 'main', platform: 'openai', rateMultiplier: 1 }],
      accounts: [account('a1', upstream.url, { platform: 'openai', models: ['gpt*'] })],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    },
    websocket: { messageBytesMax: MESSAGE_BYTES, pingMs: PING_MS, idleMs: IDLE_MS, maxAgeMs: AGE_MS },
    stream: { highWaterBytes: HIGH_WATER_BYTES, readerStallMs: 3_000 },
    relay: { clientGoneDrainMs: 300 },
    threads: { fronts: 2 },
  });
  pinged = pingedTwice();
  muteEnd = SocketClient.open(gateway.url, { autoPong: false }).then((client) => client.end());
  idleEnd = endOfIdle();
  for (const waiting of [pinged, muteEnd, idleEnd]) waiting.catch(() => {});
});
afterEach(async () => {
  upstream.plan = () => ({});
  await closeAll(...clients.splice(0).map((client) => async () => client.terminate()));
  await gateway.assertIdle();
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

/** Whether it has been closed by then. */
async function pingedTwice(): Promise<SocketClient['closed']> {
  const client = await SocketClient.open(gateway.url);
  await waitFor('pings', () => client.pings >= 2);
  return client.closed;
}

async function endOfIdle(): Promise<{ end: SocketClient['closed']; afterMs: number }> {
  const startMs = performance.now();
  const client = await SocketClient.open(gateway.url);
  const end = await client.end();
  return { end, afterMs: performance.now() - startMs };
}

/** The server ends the connection without a close frame when what it reads is no WebSocket any more (RFC 6455, 7.1.7). */
const MALFORMED: [what: string, frames: Frame[]][] = [
  ['text that is no UTF-8', [{ opcode: OPCODE.text, payload: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }]],
  ['a reserved bit without an extension', [{ opcode: OPCODE.text, payload: 'a', reserved: 4 }]],
  ['an opcode that does not exist', [{ opcode: 3, payload: 'a' }]],
  ['a continuation of nothing', [{ opcode: OPCODE.continuation, payload: 'a' }]],
  ['a control frame in pieces', [{ opcode: OPCODE.ping, payload: 'a', fin: false }]],
  ['a control frame that is too long', [{ opcode: OPCODE.ping, payload: 'a'.repeat(126) }]],
  ['a message that is said to be far too long', [{ opcode: OPCODE.text, payload: 'a', length: 64 * 1024 * 1024 }]],
];

for (const [what, frames] of MALFORMED) {
  test(`malformed: ${what} ends the connection, nothing is forwarded, the others go on`, async () => {
    const other = await open();
    const forwarded = upstream.received.length;
    const socket = await openRaw(gateway.url);
    await socket.write(Buffer.concat(frames.map(frame)));
    await socket.isEnded();
    socket.close();
    assert.equal(upstream.received.length, forwarded);
    assert.equal((await other.turn()).type, 'response.completed');
  });
}

test('a binary message: 1003; one that is too long: 1009; an orderly close is answered', async () => {
  const cases: [frame: Frame, code: number][] = [
    [{ opcode: OPCODE.binary, payload: '{"type":"response.create"}' }, 1003],
    [{ opcode: OPCODE.text, payload: 'a'.repeat(MESSAGE_BYTES + 1) }, 1009],
    [{ opcode: OPCODE.close, payload: Buffer.from([0x03, 0xe8]) }, 1000],
  ];
  for (const [sent, code] of cases) {
    const socket = await openRaw(gateway.url);
    await socket.write(frame(sent));
    await socket.isEnded();
    const answer = behindHead(socket);
    assert.deepEqual([answer[0], answer.readUInt16BE(2)], [0x88, code]);
    socket.close();
  }
});

test('a message in pieces of frames, with a ping between them, is one message; compression is declined', async () => {
  const text = JSON.stringify({ type: 'response.create', model: 'gpt-5', input: 'é'.repeat(500) });
  const bytes = Buffer.from(text);
  const socket = await openRaw(gateway.url, ['sec-websocket-extensions: permessage-deflate; client_max_window_bits']);
  assert.match(socket.text, /^HTTP\/1\.1 101 /);
  assert.ok(!/sec-websocket-extensions/i.test(socket.text));
  await socket.writePieces([
    frame({ opcode: OPCODE.text, payload: bytes.subarray(0, 101), fin: false }),
    frame({ opcode: OPCODE.ping, payload: 'hello' }),
    frame({ opcode: OPCODE.continuation, payload: bytes.subarray(101) }),
  ]);
  await socket.receives('response.completed');
  assert.ok(socket.text.includes('hello'), 'the pong');
  assert.equal(upstream.received.at(-1)!.text, text);
  socket.close();
});

test('a slow reader pauses the upstream, within the budget; then it gets every message as it was sent', async () => {
  const delta = 'x'.repeat(16 * 1024);
  const messages = responseEvents(
    'resp_slow',
    { input: 10, cached: 0, output: 10 },
    Array.from({ length: 2_000 }, () => delta),
  );
  upstream.plan = () => ({ messages });
  const client = await open();
  client.create();
  await client.sees('response.created');
  client.socket.pause();
  const socket = upstream.sockets[upstream.received.at(-1)!.connection]!;
  await waitFor(
    'an upstream that is held up',
    async () => metric(await gateway.metrics(), 'penstock_stream_bytes_held') > 0,
  );
  const held = metric(await gateway.metrics(), 'penstock_stream_bytes_held');
  assert.ok(held < 2 * 1024 * 1024, `${held} bytes`);
  assert.ok(socket.bufferedAmount > 1024 * 1024, 'the rest waits at the upstream');
  client.socket.resume();
  await client.sees('response.completed');
  assert.equal(client.texts.length, messages.length);
  assert.ok(client.texts.every((text, at) => text === messages[at]));
});

test('a reader that takes nothing at all is cut off; what was made for it is billed once, the budget is free again', async () => {
  const before = (await usageOf(gateway)).rows.length;
  const delta = 'x'.repeat(16 * 1024);
  upstream.plan = () => ({
    messages: responseEvents(
      'resp_none',
      null,
      Array.from({ length: 2_000 }, () => delta),
    ),
  });
  const client = await open();
  client.create();
  await client.sees('response.created');
  client.socket.pause();
  await gateway.assertIdle();
  const { rows } = await usageOf(gateway);
  assert.equal(rows.length, before + 1);
  assert.equal(rows[0]!.status, 'client_gone');
});

test('a silent client gets pings; one that does not answer them is cut off', async () => {
  assert.equal(await pinged, null);
  assert.equal((await muteEnd)?.code, 1006);
});

test('a connection without a turn is closed after a while: 1000', async () => {
  const { end, afterMs } = await idleEnd;
  assert.deepEqual(end, { code: 1000, reason: 'idle' });
  assert.ok(afterMs > IDLE_MS - 300);
});

test('a connection that is too old says so and closes, but not in the middle of an answer', async () => {
  const startMs = performance.now();
  const client = await open();
  const held = new AbortController();
  for (let turn = 0; turn < 3; turn++) {
    await client.turn();
    await sleep(500);
  }
  upstream.plan = () => ({ holdUntil: held.signal });
  client.create();
  await waitFor('its age', () => performance.now() - startMs > AGE_MS);
  const { pings } = client;
  await waitFor('a look at it since then', () => client.pings > pings);
  assert.equal(client.closed, null);
  held.abort();
  const { code } = await client.end();
  assert.equal(code, 1008);
  assert.equal(client.messages.at(-2)!.type, 'response.completed');
  const last = client.messages.at(-1)!;
  assert.deepEqual([last.type, last.status, last.error?.code], ['error', 400, 'websocket_connection_limit_reached']);
});

test('an upstream message beyond the bound breaks the answer off', async () => {
  const messages = [...responseEvents('resp_long', null).slice(0, 3), `"${'x'.repeat(MESSAGE_BYTES)}"`];
  const begun = new AbortController();
  upstream.plan = () => ({ messages, restAt: 3, restAfter: begun.signal });
  const client = await open();
  const turn = client.turn();
  await client.sees('response.output_text.delta');
  begun.abort();
  const last = await turn;
  assert.deepEqual([last.type, last.error?.code], ['error', 'upstream_broken']);
  assert.equal((await client.end()).code, 1011);
});
