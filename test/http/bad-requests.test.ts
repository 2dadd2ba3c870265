/** Requests that are wrong, oversize, cut off or hostile: each gets the right refusal, nothing reaches an upstream or is billed. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { MODEL, question, send, sendRaw } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const BODY_BYTES_MAX = 100_000;
const BODY_STALL_MS = 700;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    limits: { bodyBytesMax: BODY_BYTES_MAX, jsonDepth: 64 },
    edge: { bodyStallMs: BODY_STALL_MS },
  });
});
afterEach(() => assert.equal(upstream.received.length, 0, 'a bad request reached the upstream'));
after(async () => {
  await closeAll(
    async () => {
      if (gateway !== undefined) assert.equal((await usageOf(gateway)).requests, 0);
    },
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function head(extra: string, path = '/v1/messages', method = 'POST'): string {
  return `${method} ${path} HTTP/1.1\r\nhost: gateway\r\nx-api-key: ${KEY}\r\n${extra}\r\n`;
}

const MALFORMED: [what: string, body: string, detail: RegExp][] = [
  ['an unclosed object', '{"model":"x"', /12/],
  ['trailing bytes', '{"model":"x"} x', /14/],
  ['a bad escape', '{"model":"\\x"}', /1[01]/],
  ['a control character in a string', '{"model":"a\nb"}', /11/],
  ['a bad number', '{"max_tokens":01}', /1[456]/],
  ['NaN', '{"max_tokens":NaN}', /14/],
  ['a trailing comma', '{"a":1,}', /7/],
  ['single quotes', "{'a':1}", /1/],
];

for (const [what, body, offset] of MALFORMED) {
  test(`${what} is a 400 that names the byte offset`, async () => {
    const answer = await send(gateway.url, { key: KEY, body });
    assert.equal(answer.status, 400);
    assert.equal(answer.json().error.type, 'invalid_request_error');
    assert.match(answer.json().error.message, offset);
  });
}

test('bytes that are no UTF-8 are a 400', async () => {
  const body = Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
  assert.equal((await send(gateway.url, { key: KEY, body })).status, 400);
});

test('nesting beyond the bound is a 400, not a crash', async () => {
  const deep = `{"model":"${MODEL}","max_tokens":1,"messages":${'['.repeat(100)}${']'.repeat(100)}}`;
  assert.equal((await send(gateway.url, { key: KEY, body: deep })).status, 400);
});

const WRONG_FIELDS: [what: string, body: object][] = [
  ['a body that is an array', []],
  ['no model', { max_tokens: 1, messages: [] }],
  ['a model that is a number', { model: 5, max_tokens: 1 }],
  ['a stream flag that is a text', { model: MODEL, max_tokens: 1, stream: 'yes' }],
  ['max_tokens that is a text', { model: MODEL, max_tokens: '1' }],
];

for (const [what, body] of WRONG_FIELDS) {
  test(`${what} is a 400`, async () => {
    const answer = await send(gateway.url, { key: KEY, body });
    assert.equal(answer.status, 400, answer.body.toString());
    assert.equal(answer.json().error.type, 'invalid_request_error');
  });
}

test('an empty body is a 400', async () => {
  assert.equal((await send(gateway.url, { key: KEY, headers: { 'content-length': '0' } })).status, 400);
});

test('a declared body beyond the bound is a 413 before its bytes are read', async () => {
  const answer = await sendRaw(gateway.url, [head(`content-length: ${BODY_BYTES_MAX + 1}\r\n`)]);
  assert.equal(answer.status, 413);
  assert.match(answer.text, /request_too_large/);
});

test('a client that sends a whole oversize body gets to read its 413 and may use its connection again', async () => {
  // With `connection: close` the server would close before the body has been read, and the answer could be lost to a reset.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify(question('large', { system: 'x'.repeat(BODY_BYTES_MAX * 20) }));
  for (let i = 0; i < 5; i++) {
    const answer = await send(gateway.url, { key: KEY, body, agent });
    assert.equal(answer.status, 413);
    assert.equal(answer.json().error.type, 'request_too_large');
  }
  agent.destroy();
});

test('a chunked body beyond the bound is a 413', async () => {
  const chunk = `${(16_384).toString(16)}\r\n${'x'.repeat(16_384)}\r\n`;
  const pieces = Array.from({ length: 8 }, () => chunk);
  const answer = await sendRaw(gateway.url, [head('transfer-encoding: chunked\r\n'), ...pieces]);
  assert.equal(answer.status, 413);
});

test('a body that stops arriving is a 408 within the limit', async () => {
  const answer = await sendRaw(gateway.url, [head('content-length: 1000\r\n'), '{"model":']);
  assert.equal(answer.status, 408);
  assert.match(answer.text, /timeout_error/);
  assert.ok(answer.ms >= BODY_STALL_MS * 0.9 && answer.ms < BODY_STALL_MS + 5_000, `${answer.ms} ms`);
});

test('a client that leaves in the middle of its body leaves nothing behind', async () => {
  const opened = async () => metric(await gateway.metrics(), 'penstock_exchanges_opened_total');
  const before = await opened();
  const socket = await RawSocket.open(gateway.url);
  await socket.write(`${head('content-length: 50000\r\n')}{"model":`);
  await waitFor('the exchange', async () => (await opened()) > before);
  socket.close();
  await gateway.assertIdle();
});

test('two different content-lengths are refused', async () => {
  const answer = await sendRaw(gateway.url, [head('content-length: 2\r\ncontent-length: 3\r\n'), '{}x']);
  assert.equal(answer.status, 400);
});

test('content-length beside transfer-encoding is refused', async () => {
  const answer = await sendRaw(gateway.url, [head('content-length: 2\r\ntransfer-encoding: chunked\r\n'), '{}']);
  assert.ok(answer.status === 400 || (answer.closed && answer.text === ''), answer.text);
});

test('content-length that is no number is refused', async () => {
  const answer = await sendRaw(gateway.url, [head('content-length: 2x\r\n'), '{}']);
  assert.ok(answer.status === 400 || (answer.closed && answer.text === ''), answer.text);
});

test('an unknown path is a 404, a known one with another method a 405 that names the right one', async () => {
  const unknown = await send(gateway.url, { key: KEY, path: '/v1/nothing', body: {} });
  assert.equal(unknown.status, 404);
  assert.equal(unknown.json().error.type, 'not_found_error');
  const method = await send(gateway.url, { key: KEY, method: 'GET' });
  assert.equal(method.status, 405);
  assert.equal(method.headers['allow'], 'POST');
});

test('a body in an unknown coding, or in several, is a 415 that names the known ones', async () => {
  for (const coding of ['compress', 'gzip, br', 'gzip, gzip', 'identity, gzip', 'gzip;q=1', '*']) {
    const answer = await send(gateway.url, { key: KEY, body: '{}', headers: { 'content-encoding': coding } });
    assert.deepEqual([answer.status, answer.headers['accept-encoding']], [415, 'gzip, deflate, br, zstd'], coding);
  }
  const twice = await sendRaw(gateway.url, [
    head('content-encoding: gzip\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n'),
    '{}',
  ]);
  assert.equal(twice.status, 415);
});

test('too many headers and too large a head are refused without harm', async () => {
  const many = Array.from({ length: 500 }, (_, i) => `x-h${i}: v\r\n`).join('');
  const large = `x-large: ${'v'.repeat(100_000)}\r\n`;
  for (const extra of [many, large]) {
    const answer = await sendRaw(gateway.url, [head(`${extra}content-length: 2\r\n`), '{}']);
    assert.ok(answer.status === 431 || answer.closed, answer.text);
  }
});

test('what is no HTTP at all is closed', async () => {
  const answer = await sendRaw(gateway.url, ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '\r\n\r\n']);
  assert.ok(answer.closed || answer.status >= 400);
});

test('refusals carry the request id and tell well-behaved clients not to repeat', async () => {
  const answer = await send(gateway.url, { key: KEY, body: '{' });
  assert.equal(answer.headers['x-should-retry'], 'false');
  assert.equal(answer.json().type, 'error');
  assert.equal(answer.json().request_id, answer.requestId);
});

test('after all of this the gateway still serves', async () => {
  const answer = await waitFor('an answer', () => send(gateway.url, { method: 'GET', path: '/healthz' }));
  assert.equal(answer.status, 200);
  await gateway.assertIdle();
});

test('a body that says it is something else than JSON is refused', async () => {
  for (const type of ['multipart/form-data; boundary=x', 'application/xml', 'image/png', 'application/octet-stream']) {
    const answer = await send(gateway.url, { key: KEY, body: question('typed'), headers: { 'content-type': type } });
    assert.equal(answer.status, 415, type);
  }
});
