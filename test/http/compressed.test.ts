/** Compressed bodies: requests of clients in every coding, and answers of upstreams that compress although nobody asked them to. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import { CODINGS, type Coding } from '#base/codings.ts';
import { FAILURES } from '#failure/registry.ts';
import { jsonMessage, streamFrames } from '../support/anthropic-answer.ts';
import { closeAll } from '../support/close-all.ts';
import { allFrontsListen, crashFront } from '../support/front-faults.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, MODEL, open, pinToFronts, question, readUntil, send } from '../support/http-client.ts';
import { COMPRESS, COMPRESSIONS } from '../support/inflated.ts';
import { metric } from '../support/metrics.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, type UsageReport, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1_048_576;
const BODY_MAX = 8 * MIB;
const STALL_MS = 3_000;
const FALLBACK = { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: {
      groups: [
        { name: 'main', platform: 'anthropic', rateMultiplier: 1, modelPlatforms: { 'gpt*': 'openai' } },
        { name: 'two', platform: 'anthropic', rateMultiplier: 1 },
      ],
      accounts: [
        account('a1', upstream.url),
        account('openai', upstream.url, { platform: 'openai', models: ['gpt*'] }),
        account('first', upstream.url, { groups: ['two'], priority: 1 }),
        account('second', upstream.url, { groups: ['two'], priority: 2, modelMap: { [MODEL]: 'renamed' } }),
      ],
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'u1', group: 'two', key: `${KEY}-two` },
      ],
    },
    limits: { bodyBytesMax: BODY_MAX, bodyBytesTotal: 64 * MIB },
    edge: { bodyStallMs: STALL_MS, inflatingMax: 2 },
    rest: { errorsBeforeRest: 1000 },
    pricing: { fallback: FALLBACK },
    test: { nameFront: true, crashHeader: true },
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

// ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function post(
  coding: string,
  body: Buffer,
  rest: { agent?: Agent; key?: string; path?: string } = {},
): Promise<Answer> {
  return send(gateway.url, { key: KEY, body, headers: { 'content-encoding': coding }, ...rest });
}

/** In chunks of the transfer coding, cut anywhere. */
async function postChunked(coding: string, body: Buffer, pieceBytes: number): Promise<Answer> {
  const url = new URL('/v1/messages', gateway.url);
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json', 'content-encoding': coding };
  const request = httpRequest(url, { method: 'POST', agent: new Agent(), headers });
  const response = new Promise<Answer>((resolve, reject) => {
    request.on('response', (each) => resolve(finish(each)));
    request.on('error', reject);
  });
  for (let at = 0; at < body.length; at += pieceBytes) {
    request.write(body.subarray(at, at + pieceBytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
  request.end();
  return response;
}

function words(bytes: number): string {
  let text = '';
  for (let i = 0; text.length < bytes; i++) text += `${i} größer 🚰 `;
  return text;
}

async function assertDecoded(label: string, plain: string, answer: Answer): Promise<void> {
  assert.equal(answer.status, 200, answer.body.toString());
  const { body, headers } = await waitFor('the request', () => upstream.received.find((each) => each.label === label));
  assert.equal(body.toString(), plain);
  assert.equal(headers['content-encoding'], undefined);
  assert.equal(headers['content-length'], String(Buffer.byteLength(plain)));
}

for (const [name, coding, compress] of COMPRESSIONS) {
  test(`${name}: small, of a megabyte and in chunks, on every front, the upstream gets the body as it was`, async () => {
    const pinned = await pinToFronts(gateway.url, 3);
    for (const [i, { agent, front }] of pinned.entries()) {
      for (const bytes of [10, MIB]) {
        const label = `${name}-${bytes}-${i}`;
        const plain = JSON.stringify(question(label, { system: words(bytes) }));
        const answer = await post(coding.toUpperCase(), compress(plain), { agent });
        await assertDecoded(label, plain, answer);
        assert.equal(answer.front, front);
      }
      agent.destroy();
    }
    for (const bytes of [10, MIB]) {
      const label = `${name}-${bytes}-chunked`;
      const plain = JSON.stringify(question(label, { system: words(bytes) }));
      await assertDecoded(label, plain, await postChunked(coding, compress(plain), bytes === 10 ? 7 : 10_000));
    }
  });

  test(`${name}: broken off, with anything behind its end or not compressed at all it is a 400 that says so`, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = compress(JSON.stringify(question('broken', { system: words(200_000) })));
    const faults: [Buffer, RegExp][] = [
      [body.subarray(0, -3), /but it ends early/],
      [body.subarray(0, 2), /but it ends early/],
      [Buffer.concat([body, Buffer.from('{}')]), /but (it is not valid|there are bytes behind its end)/],
    ];
    if (name !== 'bare deflate') faults.push([Buffer.from('{"model":"x"}'), /but it is not valid/]);
    for (const [bytes, detail] of faults) {
      const answer = await post(coding, bytes, { agent });
      assert.equal(answer.status, 400);
      assert.match(answer.json().error.message, detail);
      assert.match(answer.json().error.message, new RegExp(`content-encoding is ${coding}`));
    }
    assert.equal((await post(coding, compress(JSON.stringify(question('after'))), { agent })).status, 200);
    agent.destroy();
  });
}

test('what is decoded is scanned like any other body', async () => {
  const answer = await post('zstd', COMPRESS.zstd('{"model":1}'));
  assert.deepEqual([answer.status, answer.json().error.type], [400, FAILURES.field_invalid.anthropicType]);
  assert.equal((await post('gzip', COMPRESS.gzip(''))).json().error.message, FAILURES.body_empty.text);
  assert.equal((await post('gzip', Buffer.alloc(0))).json().error.message, FAILURES.body_empty.text);
});

test('a Codex client that compresses with zstd is served', async () => {
  const body = { model: 'gpt-5', input: words(300_000), stream: true, store: false };
  const usage = '{"input_tokens":80,"input_tokens_details":{"cached_tokens":30},"output_tokens":9,"total_tokens":89}';
  const text = `event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","output":[],"usage":${usage}}}\n\n`;
  upstream.plan = () => ({ body: Buffer.from(text), headers: { 'content-type': 'text/event-stream' } });
  const answer = await send(gateway.url, {
    path: '/v1/responses',
    body: COMPRESS.zstd(JSON.stringify(body)),
    headers: { authorization: `Bearer ${KEY}`, 'content-encoding': 'zstd', originator: 'codex_cli_rs' },
  });
  assert.deepEqual([answer.status, answer.body.toString()], [200, text]);
  assert.deepEqual(JSON.parse(upstream.received.at(-1)!.body.toString()), body);
});

test('another account gets the same decoded body, with its own name of the model', async () => {
  upstream.plan = ({ apiKey }) => (apiKey === 'sk-up-first' ? { status: 500 } : {});
  const plain = question('failover', { system: words(100_000) });
  const answer = await post('br', COMPRESS.br(JSON.stringify(plain)), { key: `${KEY}-two` });
  assert.equal(answer.status, 200);
  const received = upstream.received.filter(({ label }) => label === 'failover');
  assert.deepEqual(
    received.map(({ apiKey, body }) => [apiKey, JSON.parse(body.toString())]),
    [
      ['sk-up-first', plain],
      ['sk-up-second', { ...plain, model: 'renamed' }],
    ],
  );
});

/** 1 GiB of zeros, in about a MiB of gzip. */
function bomb(coding: Coding): Buffer {
  const member = COMPRESS[coding](Buffer.alloc(MIB));
  if (coding === 'gzip' || coding === 'zstd') return Buffer.concat(Array.from({ length: 1024 }, () => member));
  return COMPRESS[coding](Buffer.alloc(256 * MIB));
}

function residentBytes(): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.gatewayPid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

test('bombs are a 413 at once, and memory stays within its bounds', async () => {
  const bombs = CODINGS.map((coding): [Coding, Buffer] => [coding, bomb(coding)]);
  const startBytes = residentBytes();
  let mostBytes = 0;
  const watcher = setInterval(() => {
    mostBytes = Math.max(mostBytes, residentBytes());
  }, 5);
  const answers = await Promise.all(
    [...bombs, ...bombs, ...bombs].map(async ([coding, body]) => [coding, await post(coding, body)] as const),
  ).finally(() => clearInterval(watcher));
  for (const [coding, { status, json, ms }] of answers) {
    assert.equal(status, 413, coding);
    assert.ok(json().error.message.includes(`${BODY_MAX} bytes`));
    assert.ok(ms < 15_000, `${coding}: ${ms} ms`);
  }
  // The budget of bodies, decoders included, and what allocator and collector are late with: 12 GiB were packed in these bodies.
  assert.ok(mostBytes - startBytes < 3 * 64 * MIB, `${(mostBytes - startBytes) / MIB} MiB more`);
  await waitFor('room', async () => metric(await gateway.metrics(), 'penstock_body_bytes_held') === 0);
});

test('more compressed bodies than may be decoded at once wait their turns, and all are served', async () => {
  const labels = Array.from({ length: 60 }, (_, i) => `burst-${i}`);
  const bodies = labels.map((label) => JSON.stringify(question(label, { system: words(300_000) })));
  const answers = await Promise.all(bodies.map((body, i) => post(CODINGS[i % 4]!, COMPRESS[CODINGS[i % 4]!](body))));
  for (const [i, answer] of answers.entries()) await assertDecoded(labels[i]!, bodies[i]!, answer);
});

test('a body of a stranger is not decoded', async () => {
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, i) => post('gzip', bomb('gzip'), { key: `sk-ps-nobody-${i}` })),
  );
  assert.ok(answers.every(({ status }) => status === 401));
});

/** Sends the head and a part of a compressed body. */
function begin(part: Buffer, length: number): Promise<ReturnType<typeof connect>> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST /v1/messages HTTP/1.1\r\nhost: g\r\nx-api-key: ${KEY}\r\ncontent-encoding: gzip\r\ncontent-length: ${length}\r\n\r\n`,
      );
      socket.write(part);
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

test('slow senders hold up nobody who compresses, and one that stalls is a 408', async () => {
  const body = gzipSync(JSON.stringify(question('slow', { system: words(50_000) })));
  const sockets = await Promise.all(Array.from({ length: 12 }, () => begin(body.subarray(0, 5_000), body.length)));
  for (const { agent } of await pinToFronts(gateway.url, 3)) {
    const answer = await post('gzip', COMPRESS.gzip(JSON.stringify(question('quick'))), { agent });
    assert.ok(answer.status === 200 && answer.ms < STALL_MS, `${answer.status} after ${answer.ms} ms`);
    agent.destroy();
  }
  const stalled = sockets.pop()!;
  for (const socket of sockets) socket.destroy();
  let text = '';
  stalled.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await waitFor('the refusal', () => text.includes('\r\n\r\n'));
  assert.equal(text.slice(9, 12), '408');
  stalled.destroy();
});

test('a client that leaves, before its body is whole or while it is decoded, leaves nothing behind', async () => {
  const body = bomb('gzip');
  for (const bytes of [500_000, body.length, body.length, body.length]) {
    const socket = await begin(body.subarray(0, bytes), body.length);
    await waitFor('the exchange', async () => metric(await gateway.metrics(), 'penstock_body_bytes_held') > 0, {
      boundMs: 300,
      everyMs: 1,
    }).catch(() => {});
    socket.destroy();
  }
  await gateway.assertIdle();
  await waitFor('room', async () => metric(await gateway.metrics(), 'penstock_body_bytes_held') === 0);
});

test('a front that ends while it decodes leaves nothing behind, and the next one decodes', async () => {
  for (const { agent, front } of await pinToFronts(gateway.url, 1)) {
    const body = bomb('gzip');
    const bodies: Promise<Answer | null>[] = [];
    await waitFor('bodies', async () => {
      for (let i = 0; i < 12; i++) bodies.push(post('gzip', body).catch(() => null));
      return metric(await gateway.metrics(), 'penstock_body_bytes_held') > 0;
    });
    await crashFront(gateway, front);
    await Promise.all(bodies);
    agent.destroy();
  }
  await allFrontsListen(gateway);
  await waitFor('room', async () => metric(await gateway.metrics(), 'penstock_body_bytes_held') === 0);
  for (const { agent } of await pinToFronts(gateway.url, 3)) {
    assert.equal((await post('gzip', COMPRESS.gzip(JSON.stringify(question('next'))), { agent })).status, 200);
    agent.destroy();
  }
});

// ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const USAGE = { inputTokens: 12, outputTokens: 34, cacheReadTokens: 5, cacheWrite5mTokens: 6, cacheWrite1hTokens: 7 };
const SHAPE = { id: 'm1', model: MODEL, usage: USAGE, events: 400, eventChars: 60, thinking: true, tool: true };
const STREAM = Buffer.concat(streamFrames(SHAPE));
const MESSAGE = jsonMessage(SHAPE);

function answers(coding: string, body: Buffer, stream: boolean, plan: Plan = {}): void {
  const headers = {
    'content-type': stream ? 'text/event-stream' : 'application/json',
    'content-encoding': coding,
    ...(plan.breakAt === undefined ? { 'content-length': String(body.length) } : {}),
  };
  upstream.plan = () => ({ body, usage: USAGE, ...plan, headers });
}

async function booksBefore(): Promise<[UsageReport, number]> {
  return [await usageOf(gateway), upstream.ledger.length];
}

for (const [name, coding, compress] of COMPRESSIONS) {
  test(`an answer in ${name} reaches the client plain, whole or as a stream, and is billed to the token`, async () => {
    const [books, since] = await booksBefore();
    for (const stream of [false, true]) {
      const plain = stream ? STREAM : MESSAGE;
      for (const cutBytesMax of [11, 4_000]) {
        answers(coding, compress(plain), stream, { cutBytesMax });
        const answer = await send(gateway.url, { key: KEY, body: question(`a-${name}`, { stream }) });
        assert.deepEqual([answer.status, answer.whole], [200, true]);
        assert.ok(answer.body.equals(plain), 'the bytes are those that were compressed');
        assert.equal(answer.headers['content-encoding'], undefined);
      }
    }
    assert.equal(upstream.received.at(-1)!.headers['accept-encoding'], 'identity');
    assertBooksEqualLedger(await usageOf(gateway), upstream, books, since);
  });
}

test("an upstream's compressed refusal of the request is the client's to read", async () => {
  const error = Buffer.from('{"type":"error","error":{"type":"invalid_request_error","message":"no"}}');
  answers('gzip', gzipSync(error), false, { status: 400 });
  const answer = await send(gateway.url, { key: KEY, body: question('refused') });
  assert.deepEqual([answer.status, answer.body.toString()], [400, error.toString()]);
});

test('events reach the client as the upstream flushes them', async () => {
  const frames = streamFrames({ ...SHAPE, events: 3 });
  const gzip = createGzip();
  const pieces: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => pieces.push(chunk));
  for (const frame of frames) {
    gzip.write(frame);
    await new Promise<void>((resolve) => gzip.flush(resolve));
  }
  gzip.end();
  await once(gzip, 'end');
  const body = Buffer.concat(pieces);
  // Everything but the end of the coding, then silence.
  answers('gzip', body.subarray(0, -12), true, { breakAt: 1, breakHow: 'stall' });
  const response = await open(gateway.url, { key: KEY, body: question('flushed', { stream: true }) });
  await readUntil(response, 'message_stop');
  assert.equal((await finish(response)).whole, true, 'a stream whose last event has come is whole');
});

test('a compressed stream that breaks off ends with an error event, and what was served of it is billed', async () => {
  for (const breakHow of ['end', 'reset'] as const) {
    const body = COMPRESS.gzip(STREAM);
    const begun = new AbortController();
    answers('gzip', body.subarray(0, body.length / 2), true, { breakAt: 1, breakHow, restAfter: begun.signal });
    const answer = await send(gateway.url, { key: KEY, body: question(`cut-${breakHow}`, { stream: true }), begun });
    assert.deepEqual([answer.status, answer.whole], [200, false]);
    assert.match(answer.body.toString().slice(-400), /event: error\ndata: /);
    const row = (await usageOf(gateway)).rows.find(({ requestId }) => requestId === answer.requestId);
    assert.deepEqual([row?.status, row?.inputTokens], ['interrupted', USAGE.inputTokens]);
  }
});

test('a compressed answer whose end is missing looks whole to nobody', async () => {
  answers('gzip', gzipSync(MESSAGE).subarray(0, -9), false);
  const answer = await send(gateway.url, { key: KEY, body: question('cut-whole') });
  assert.deepEqual([answer.status, answer.whole], [200, false]);
});

test('a compressed answer that is damaged before anything has left goes to another account', async () => {
  for (const [coding, body] of [
    ['gzip', Buffer.from('{"not":"gzip"}')],
    ['compress', MESSAGE],
  ] as const) {
    const served = { body: MESSAGE, usage: USAGE, headers: { 'content-type': 'application/json' } };
    upstream.plan = ({ apiKey }) =>
      apiKey === 'sk-up-first' ? { body, headers: { 'content-encoding': coding } } : served;
    const answer = await send(gateway.url, { key: `${KEY}-two`, body: question(`damaged-${coding}`) });
    assert.deepEqual([answer.status, answer.body.equals(MESSAGE)], [200, true]);
  }
});

test('an answer that decompresses without end is read no faster than its client reads', async () => {
  const frames = streamFrames({ ...SHAPE, events: 6_000, eventChars: 4_000 });
  const plain = Buffer.concat(frames);
  answers('gzip', gzipSync(plain), true);
  const response = await open(gateway.url, { key: KEY, body: question('late', { stream: true }) });
  response.pause();
  const held = (): Promise<number> => gateway.metrics().then((all) => metric(all, 'penstock_stream_bytes_held'));
  await waitFor('a reader that is behind', async () => (await held()) > 0);
  assert.ok((await held()) < 8 * MIB);
  const answer = await finish(response);
  assert.ok(answer.body.equals(plain));
});

test('a client that leaves a compressed stream leaves nothing behind', async () => {
  answers('zstd', COMPRESS.zstd(STREAM), true, { cutBytesMax: 300, paceMs: 5 });
  for (const { agent } of await pinToFronts(gateway.url, 3)) {
    const response = await open(gateway.url, { key: KEY, body: question('leaves', { stream: true }), agent });
    await readUntil(response, 'message_start');
    response.destroy();
    agent.destroy();
  }
  await gateway.assertIdle();
  await waitFor('room', async () => metric(await gateway.metrics(), 'penstock_stream_bytes_held') === 0);
});

test('a compressed answer is turned into the protocol of the client', async () => {
  answers('br', COMPRESS.br(MESSAGE), false);
  const answer = await send(gateway.url, {
    path: '/v1/chat/completions',
    body: { model: MODEL, messages: [{ role: 'user', content: 'hi' }] },
    headers: { authorization: `Bearer ${KEY}` },
  });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(answer.json()['object'], 'chat.completion');
});
