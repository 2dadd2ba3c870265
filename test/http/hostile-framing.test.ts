/**
 * Requests whose length is ambiguous or wrong: nothing that one side may take for a part of a body is ever served as a request, and
 * the upstream gets exactly one request for each one that was accepted.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileScene, questionText } from '../support/hostile-scene.ts';
import { chunked, RawSocket, rawRequest } from '../support/raw-socket.ts';
import { assertBooksEqualLedger, usageOf } from '../support/usage.ts';

const BODY_STALL_MS = 700;
const CRLF = '\r\n';

let scene: HostileScene;

before(async () => {
  scene = await HostileScene.start({ edge: { bodyStallMs: BODY_STALL_MS } });
});
afterEach(() => scene.assertUnharmed());
after(async () => {
  try {
    assertBooksEqualLedger(await usageOf(scene.gateway), scene.upstream);
  } finally {
    await scene.stop();
  }
});

let hiddenCount = 0;

/** A request that hides in what follows another one; if it were served, its label would reach the upstream. */
function hidden(): string {
  return rawRequest({ body: questionText(`hidden-${++hiddenCount}`) });
}

function assertNothingSmuggled(): void {
  assert.deepEqual(scene.arrived(`hidden-${hiddenCount}`).map(String), []);
}

const LENGTH_FAULTS: [what: string, lines: string[]][] = [
  ['two equal lengths', ['content-length: #', 'content-length: #']],
  ['a length and a shorter one', ['content-length: #', 'content-length: 0']],
  ['a shorter length and the right one', ['content-length: 0', 'content-length: #']],
  ['a list of lengths', ['content-length: #, #']],
  ['a length with a sign', ['content-length: +#']],
  ['a negative length', ['content-length: -1']],
  ['an empty length', ['content-length:']],
  ['a hexadecimal length', ['content-length: 0x10']],
  ['a length beyond any number', ['content-length: 99999999999999999999']],
  ['a length and chunks', ['content-length: #', 'transfer-encoding: chunked']],
  ['chunks and a length', ['transfer-encoding: chunked', 'content-length: #']],
  ['a length of nothing and chunks', ['content-length: 0', 'transfer-encoding: chunked']],
  ['chunks in another encoding', ['transfer-encoding: gzip, chunked']],
  ['chunks that are not the last encoding', ['transfer-encoding: chunked, identity']],
  ['an encoding and then chunks', ['transfer-encoding: identity, chunked']],
  ['an encoding that only sounds like chunks', ['transfer-encoding: xchunked']],
  ['chunks in quotes', ['transfer-encoding: "chunked"']],
  ['an empty encoding', ['transfer-encoding:']],
  ['the identity encoding', ['transfer-encoding: identity']],
  ['chunks twice', ['transfer-encoding: chunked', 'transfer-encoding: chunked']],
  ['identity above chunks', ['transfer-encoding: identity', 'transfer-encoding: chunked']],
  ['chunks above identity', ['transfer-encoding: chunked', 'transfer-encoding: identity']],
];

for (const [what, lines] of LENGTH_FAULTS) {
  test(`${what}: one refusal and the end of the connection, whatever follows`, async () => {
    const body = questionText('ambiguous');
    const named = lines.map((line) => line.replaceAll('#', String(body.length)));
    const request = rawRequest({ length: null, lines: named });
    for (const rest of ['', body, chunked(body), body + hidden(), chunked(body) + hidden(), hidden()]) {
      const socket = await RawSocket.open(scene.url);
      await socket.write(request + rest);
      await socket.isEnded();
      const statuses = socket.answers.map(({ status }) => status);
      // What follows may look like a second request, or like none (505); the server then closes before the first is answered.
      if (rest === '') assert.deepEqual(statuses, [400], socket.text);
      else assert.ok(statuses.length <= 1 && statuses.every((status) => status === 400 || status === 505), socket.text);
      assertNothingSmuggled();
    }
    assert.deepEqual(scene.arrived('ambiguous'), []);
  });
}

/** Chunked bodies that every reader of RFC 9112 takes alike. */
const GOOD_CHUNKS: [what: string, write: (body: string) => string][] = [
  ['one chunk', (body) => chunked(body, body.length)],
  ['chunks of one byte', (body) => chunked(body, 1)],
  ['sizes in upper case', (body) => `${body.length.toString(16).toUpperCase()}${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
  ['sizes with zeros in front', (body) => `000${body.length.toString(16)}${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
];

for (const [what, write] of GOOD_CHUNKS) {
  test(`a body in ${what} arrives as one with a length; its connection serves no other request`, async () => {
    const label = `chunks: ${what}`;
    const body = questionText(label);
    for (const encoding of ['chunked', 'Chunked']) {
      const socket = await RawSocket.open(scene.url);
      await socket.write(rawRequest({ length: null, lines: [`transfer-encoding: ${encoding}`] }) + write(body));
      const { status, head } = await socket.answer();
      assert.equal(status, 200);
      assert.match(head, /\r\nconnection: close\r\n/i);
      await socket.isEnded();
    }
    assert.deepEqual(scene.arrived(label).map(String), [body, body]);
  });
}

test('a stream that answers a chunked body asks the client to close', async () => {
  const socket = await RawSocket.open(scene.url);
  await socket.write(rawRequest({ length: 'chunked', body: questionText('chunked-stream', { stream: true }) }));
  const { status, head, whole } = await socket.answer();
  assert.deepEqual([status, whole], [200, true]);
  assert.match(head, /\r\nconnection: close\r\n/i);
  assert.doesNotMatch(head, /keep-alive/i);
  socket.close();
});

const REFUSED_SIZES = ['-2', '0x2', 'zz', 'ffffffffffffffff2', `2;${'a'.repeat(9_000)}`];

for (const size of REFUSED_SIZES) {
  test(`a chunk of size "${size.slice(0, 20)}" ends the connection`, async () => {
    const socket = await RawSocket.open(scene.url);
    await socket.write(
      `${rawRequest({ length: null, lines: ['transfer-encoding: chunked'] })}${size}${CRLF}{}${CRLF}${hidden()}`,
    );
    await socket.isEnded();
    assert.ok(
      socket.answers.every(({ status }) => status === 400),
      socket.text,
    );
    assertNothingSmuggled();
  });
}

/**
 * What the server's reader of chunks takes other than RFC 9112 says. None of it may make a second request of the rest: at most
 * the first is answered, with whatever its bytes amount to, and the connection ends.
 */
const ODD_CHUNKS: [what: string, write: (body: string) => string][] = [
  ['an extension', (body) => `${body.length.toString(16)};a=b${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
  ['an extension with a line feed', (body) => `${body.length.toString(16)};\nx${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
  ['line feeds alone', (body) => `${body.length.toString(16)}\n${body}\n0\n\n`],
  ['no line end behind a chunk', (body) => `${body.length.toString(16)}${CRLF}${body}0${CRLF}${CRLF}`],
  ['a chunk longer than its size', (body) => `${body.length.toString(16)}${CRLF}${body}}}${CRLF}0${CRLF}${CRLF}`],
  ['a space behind the size', (body) => `${body.length.toString(16)} ${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
  ['an empty size', (body) => `${CRLF}${body}${CRLF}0${CRLF}${CRLF}`],
  [
    'a size beyond 32 bits',
    (body) => `1${body.length.toString(16).padStart(8, '0')}${CRLF}${body}${CRLF}0${CRLF}${CRLF}`,
  ],
  ['trailers', (body) => `${body.length.toString(16)}${CRLF}${body}${CRLF}0${CRLF}x-trailer: 1${CRLF}${CRLF}`],
  ['a request for a trailer', (body) => `${body.length.toString(16)}${CRLF}${body}${CRLF}0${CRLF}xx${hidden()}`],
];

for (const [what, write] of ODD_CHUNKS) {
  test(`chunks with ${what} never make two requests of one`, async () => {
    const label = `odd: ${what}`;
    const socket = await RawSocket.open(scene.url);
    await socket.write(
      rawRequest({ length: null, lines: ['transfer-encoding: chunked'] }) + write(questionText(label)),
    );
    await socket.isAnsweredOrEnded();
    await socket.write(hidden());
    await socket.isEnded();
    assert.ok(socket.answers.length <= 1, socket.text);
    assert.ok(scene.arrived(label).length <= 1);
    assertNothingSmuggled();
  });
}

test('of two requests in one segment the first is being answered when the second comes: the connection ends, nobody is served twice', async () => {
  for (const stream of [false, true]) {
    const label = `pair-${stream}`;
    const socket = await RawSocket.open(scene.url);
    await socket.write(rawRequest({ body: questionText(label, { stream }) }) + hidden());
    await socket.isEnded();
    assert.equal(socket.answers.length, 0, socket.text);
    assert.ok(scene.arrived(label).length <= 1);
    assertNothingSmuggled();
  }
});

test('two requests one after the other on a connection are two requests', async () => {
  const socket = await RawSocket.open(scene.url);
  for (const index of [0, 1]) {
    await socket.write(rawRequest({ body: questionText(`sequel-${index}`, { stream: index === 1 }) }));
    const { status, whole } = await socket.answer(index);
    assert.deepEqual([status, whole], [200, true]);
  }
  assert.equal(socket.ending, 'open');
  assert.deepEqual([scene.arrived('sequel-0').length, scene.arrived('sequel-1').length], [1, 1]);
  socket.close();
});

test('bytes behind a body are no part of it: they spoil only the next request of the same connection', async () => {
  const body = questionText('behind');
  const socket = await RawSocket.open(scene.url);
  await socket.write(`${rawRequest({ body })}{}{}{}`);
  assert.equal((await socket.answer()).status, 200);
  await socket.write(hidden());
  await socket.isAnsweredOrEnded();
  assert.deepEqual(scene.arrived('behind').map(String), [body]);
  assertNothingSmuggled();
  socket.close();
});

test('a POST without a length has no body, whatever follows it', async () => {
  const socket = await RawSocket.open(scene.url);
  await socket.write(rawRequest({ length: null }));
  const { status, body } = await socket.answer();
  assert.equal(status, 400);
  assert.match(body, /no body/);
  socket.close();
});
