/**
 * Request heads that are malformed, oversize, foreign or cut anywhere: each has its stated end, and what an upstream gets of a head
 * is what the client sent. Where the server library decides, this pins what it does.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { KEY } from '../support/gateway.ts';
import { HostileScene, questionText } from '../support/hostile-scene.ts';
import { send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { RawSocket, rawRequest, type WireAnswer } from '../support/raw-socket.ts';

/** The server gives up on a head that never becomes whole after 10 s, checked every few: up to 14 s. */
const GIVES_UP_MS = 20_000;
/** Longer than the server leaves a connection alone that owes it something. */
const SILENT_MS = 13_000;

let scene: HostileScene;

before(async () => {
  scene = await HostileScene.start({ rest: { errorsBeforeRest: 2 } }, (label) =>
    label === 'silent' ? { headersAfterMs: SILENT_MS } : {},
  );
});
afterEach(async () => {
  await scene.assertUnharmed();
  const failures = await scene.gateway.metrics();
  for (const code of ['upstream_broken', 'accounts_resting', 'internal']) {
    assert.equal(metric(failures, 'penstock_failures_total', `"${code}"`), 0, code);
  }
});
after(() => scene.stop());

async function ask(bytes: string | Buffer): Promise<{ socket: RawSocket; answer: WireAnswer | undefined }> {
  const socket = await RawSocket.open(scene.url);
  await socket.write(bytes);
  await socket.isAnsweredOrEnded();
  return { socket, answer: socket.answers[0] };
}

// ── refused at once ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const TLS_HELLO = Buffer.from(`16030100c8010000c40303${'5a'.repeat(32)}00${'c02b'.repeat(40)}0100`, 'hex');

const REFUSED: [what: string, bytes: string | Buffer, status: number][] = [
  ['HTTP/1.0', rawRequest({ version: 'HTTP/1.0' }), 505],
  ['HTTP/1.2', rawRequest({ version: 'HTTP/1.2' }), 505],
  ['a version in lower case', rawRequest({ version: 'http/1.1' }), 505],
  ['a version with a tail', rawRequest({ version: 'HTTP/1.1x' }), 505],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0', 505],
  ['a TLS handshake', TLS_HELLO, 505],
  ['garbage', Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 167 + 129) & 0xff)), 505],
  ['a PROXY line', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${rawRequest()}`, 505],
  ['line feeds alone', rawRequest().replaceAll('\r\n', '\n'), 505],
  ['an absolute target', rawRequest({ target: 'http://gateway/v1/messages' }), 505],
  ['the target *', rawRequest({ method: 'OPTIONS', target: '*' }), 505],
  ['CONNECT', rawRequest({ method: 'CONNECT', target: 'gateway:443' }), 505],
  ['a method with a control character', rawRequest({ method: 'PO\x01ST' }), 505],
  ['a target with a control character', rawRequest({ target: '/v1/mess\x01ages' }), 505],
  ['a target with a NUL', rawRequest({ target: '/v1/messages?a=\0' }), 505],
  ['a target with a space', rawRequest({ target: '/v1/messages HTTP/1.1 x' }), 505],
  ['no Host', rawRequest({ host: null }), 400],
  ['two Hosts', rawRequest({ lines: ['host: other'] }), 400],
  ['100 headers', rawRequest({ lines: Array.from({ length: 100 }, (_, i) => `x-${i}: v`) }), 431],
  ['a header of 5 KB', rawRequest({ lines: [`x-large: ${'v'.repeat(5_000)}`] }), 431],
  ['a header of 1 MB', rawRequest({ lines: [`x-large: ${'v'.repeat(1_000_000)}`] }), 431],
  ['a target of 20 KB', rawRequest({ target: `/${'a'.repeat(20_000)}` }), 431],
  ['an unknown method', rawRequest({ method: 'BREW' }), 405],
  ['OPTIONS', rawRequest({ method: 'OPTIONS' }), 405],
  ['TRACE', rawRequest({ method: 'TRACE' }), 405],
  ['a method of 3 KB', rawRequest({ method: 'A'.repeat(3_000) }), 405],
  ['a path with dots', rawRequest({ target: '/v1/../v1/messages' }), 404],
  ['a path with an escaped letter', rawRequest({ target: '/v1/%6dessages' }), 404],
  ['a path with a trailing slash', rawRequest({ target: '/v1/messages/' }), 404],
  ['a path with 8-bit characters', rawRequest({ target: '/v1/\xe9' }), 404],
  [
    'a WebSocket upgrade',
    rawRequest({
      method: 'GET',
      lines: [
        'upgrade: websocket',
        'connection: upgrade',
        'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version: 13',
      ],
    }),
    405,
  ],
];

for (const [what, bytes, status] of REFUSED) {
  test(`${what}: ${status}, and nothing of it reaches an upstream`, async () => {
    const before = scene.upstream.received.length;
    const { socket, answer } = await ask(bytes);
    if (answer === undefined) assert.equal(socket.ending, 'reset', 'only a reset may swallow the answer');
    else assert.equal(answer.status, status, socket.text);
    assert.equal(scene.upstream.received.length, before);
    socket.close();
  });
}

// ── never whole ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const asking = questionText('never-whole');
const withLine = (line: string): string => rawRequest({ lines: [line], body: asking });

const NEVER_WHOLE: [what: string, bytes: string][] = [
  ['a connection that says nothing', ''],
  ['half a request line', 'POST /v1/mes'],
  ['half a head', rawRequest().slice(0, 60)],
  ['a line feed alone between headers', rawRequest({ lines: ['x-a: b\nx-c: d'], body: asking })],
  ['a folded header', withLine('x-a: b\r\n c')],
  ['a header folded by a tab', withLine('x-a: b\r\n\tc: d')],
  ['a fold above the first header', `POST /v1/messages HTTP/1.1\r\n host: x\r\n\r\n`],
  ['a carriage return in a value', withLine('x-a: b\rc')],
  ['a carriage return at the end of a value', withLine('x-a: b\r')],
  ['a NUL in a value', withLine('x-a: b\0c')],
  ['a control character in a value', withLine('x-a: b\x01c')],
  ['a NUL in a name', withLine('x\0a: b')],
  ['an 8-bit character in a name', withLine('x-\xe9: b')],
  ['a space in a name', withLine('x a: b')],
  ['a space before the colon', rawRequest({ length: null, lines: [`content-length : ${asking.length}`] }) + asking],
  ['a space before the colon of the encoding', rawRequest({ lines: ['transfer-encoding : chunked'], body: asking })],
  ['a vertical tab before the encoding', rawRequest({ length: null, lines: ['transfer-encoding: \x0bchunked'] })],
  ['a line without a colon', withLine('x-nothing')],
  ['HTTP/0.9', 'GET /v1/messages\r\n\r\n'],
  ['an empty line before the request', `\r\n${rawRequest({ body: asking })}`],
];

async function endsUnanswered(what: string, bytes: string): Promise<void> {
  const socket = await RawSocket.open(scene.url);
  await socket.write(bytes);
  await socket.isEnded(GIVES_UP_MS).catch((error) => assert.fail(`${what}: ${error.message}`));
  assert.equal(socket.text, '', what);
}

/** A header byte every 30 ms, never the whole head. */
async function tricklesInVain(): Promise<void> {
  const socket = await RawSocket.open(scene.url);
  const head = rawRequest({ lines: Array.from({ length: 60 }, (_, i) => `x-${i}: v`) });
  let at = head.indexOf('\r\n') + 2;
  await socket.write(head.slice(0, at));
  const drip = setInterval(() => void socket.write(head[at++] ?? ''), 30);
  await socket.isEnded(GIVES_UP_MS).finally(() => clearInterval(drip));
  assert.equal(socket.text, '');
}

async function waitsForSilentUpstream(): Promise<void> {
  const { socket, answer } = await ask(rawRequest({ body: questionText('silent') }));
  assert.equal(answer?.status, 200);
  assert.ok(socket.ms > SILENT_MS);
  assert.match(answer.head, /\r\nkeep-alive: timeout=8\r\n/);
  socket.close();
}

test('heads that never become whole, also by trickling, are closed without a word within 20 s; a silent upstream is waited for longer', async () => {
  await Promise.all([
    ...NEVER_WHOLE.map(([what, bytes]) => endsUnanswered(what, bytes)),
    ...Array.from({ length: 20 }, () => tricklesInVain()),
    waitsForSilentUpstream(),
    send(scene.url, { key: KEY, body: questionText('beside') }).then(({ status }) => assert.equal(status, 200)),
  ]);
  assert.deepEqual(scene.arrived('never-whole'), []);
});

// ── bytes of headers ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('no byte in a header or query makes the upstream look guilty: it arrives as it was sent or is refused with 400', async () => {
  const outcomes = { arrived: 0, refused: 0 };
  const places: [string, (byte: string) => Parameters<typeof rawRequest>[0]][] = [
    ['value', (byte) => ({ lines: [`anthropic-x: a${byte}z`] })],
    ['query', (byte) => ({ target: `/v1/messages?a=${byte}z` })],
  ];
  for (const [place, request] of places) {
    for (let code = 0x21; code < 0x100; code++) {
      const byte = String.fromCharCode(code);
      const label = `byte-${place}-${code}`;
      const { socket, answer } = await ask(rawRequest({ ...request(byte), body: questionText(label) }));
      assert.ok(answer, `${label}: ${socket.ending}`);
      const received = scene.upstream.received.find((one) => one.label === label);
      if (answer.status === 400) {
        outcomes.refused++;
        assert.equal(received, undefined);
        assert.match(answer.body, /invalid_request_error.*printable ASCII/);
      } else {
        outcomes.arrived++;
        assert.equal(answer.status, 200, `${label}: ${socket.text}`);
        assert.equal(
          place === 'value' ? received?.headers['anthropic-x'] : received?.url,
          place === 'value' ? `a${byte}z` : `/v1/messages?a=${byte}z`,
        );
      }
      socket.close();
    }
  }
  // '?' and ' ' aside, 94 printable characters a place; the rest is refused.
  assert.ok(outcomes.arrived >= 2 * 93 && outcomes.refused >= 2 * 128, JSON.stringify(outcomes));
});

test('8-bit and DEL characters in headers that stay here are nobody’s business', async () => {
  const { socket, answer } = await ask(
    rawRequest({ lines: ['x-a: b\x7fc', 'cookie: \xe9\xff', ': nameless'], body: questionText('stay') }),
  );
  assert.equal(answer?.status, 200);
  socket.close();
});

test('a name with every character a token may have arrives', async () => {
  const name = "anthropic-!#$%&'*+-.^_`|~09az";
  const { socket, answer } = await ask(rawRequest({ lines: [`${name}: v`], body: questionText('token') }));
  assert.equal(answer?.status, 200);
  assert.equal(scene.upstream.received.find(({ label }) => label === 'token')?.headers[name], 'v');
  socket.close();
});

test('a key of strange bytes is an unknown key, a very long one too', async () => {
  for (const key of ['\xe9\xff\x7f', 'sk-ps-'.padEnd(3_000, 'x'), "' or 1=1 --", KEY.toUpperCase()]) {
    const { socket, answer } = await ask(rawRequest({ key, body: questionText('strange-key') }));
    assert.equal(answer?.status, 401);
    socket.close();
  }
  assert.deepEqual(scene.arrived('strange-key'), []);
});

// ── heads that are served ───────────────────────────────────────────────────────────────────────────────────────────────────────

test('about 90 headers and 3 KB of them are served', async () => {
  const lines = [...Array.from({ length: 85 }, (_, i) => `x-${i}: v`), `anthropic-long: ${'v'.repeat(2_500)}`];
  const { socket, answer } = await ask(rawRequest({ lines, body: questionText('many') }));
  assert.equal(answer?.status, 200, socket.text);
  socket.close();
});

test('Expect: 100-continue gets its 100 before the body, and the answer behind it', async () => {
  const body = questionText('expect');
  const socket = await RawSocket.open(scene.url);
  await socket.write(rawRequest({ length: body.length, lines: ['expect: 100-continue'] }));
  assert.equal((await socket.answer(0)).status, 100);
  await socket.write(body);
  assert.equal((await socket.answer(1)).status, 200);
  socket.close();
});

test('an upgrade to cleartext HTTP/2 is not taken up: the request is served as it is', async () => {
  const lines = ['connection: upgrade, http2-settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAARAAAAAAAIAAAAA'];
  const { socket, answer } = await ask(rawRequest({ lines, body: questionText('h2c') }));
  assert.equal(answer?.status, 200);
  socket.close();
});

test('a client that asks to close gets its answer and then the end of the connection', async () => {
  const { socket, answer } = await ask(rawRequest({ lines: ['connection: close'], body: questionText('close') }));
  assert.equal(answer?.status, 200);
  await socket.isEnded();
});

test('a head cut at any byte is served, unless the cut is behind the method or in the version of its request line: 505', async () => {
  const request = rawRequest({ body: questionText('cut') });
  const bodyStart = request.indexOf('\r\n\r\n') + 4;
  const refusedAt: number[] = [];
  const cutAt = async (at: number): Promise<void> => {
    const socket = await RawSocket.open(scene.url);
    await socket.write(request.slice(0, at));
    // Time for the first part to be read by itself: an exchange on another connection.
    const other = await ask(rawRequest({ method: 'GET', target: '/healthz', length: null }));
    await socket.write(request.slice(at));
    await socket.isAnsweredOrEnded();
    if (socket.answers[0]?.status !== 200) refusedAt.push(at);
    for (const one of [socket, other.socket]) one.close();
  };
  for (let at = 1; at <= bodyStart; at += 8) {
    await Promise.all(Array.from({ length: Math.min(8, bodyStart - at + 1) }, (_, i) => cutAt(at + i)));
  }
  const version = request.indexOf('HTTP/1.1');
  const known = [request.indexOf(' ') + 1, ...Array.from({ length: 'HTTP/1.1\r\n'.length }, (_, i) => version + i)];
  // Parts that the kernel joins again are served.
  assert.deepEqual(
    refusedAt.filter((at) => !known.includes(at)),
    [],
  );
  assert.ok(refusedAt.length > 0);
});
