/** Attempts over pools of real connections: reuse, time limits, breaking off, and what an upstream may not do to the next one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import { C } from '#meter/counters.ts';
import {
  ask,
  assertPauses,
  atEnd,
  CA,
  counters,
  endAll,
  ended,
  LIMITS,
  makePools,
  poolOf,
  scripted,
  start,
  tlsUpstream,
  WHOLE,
  writes,
} from '../support/attempt-rig.ts';
import { type RawCall, RawUpstream } from '../support/raw-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n';

after(endAll);

test('a connection serves one attempt after another', async () => {
  const upstream = await scripted(writes(WHOLE));
  const pool = poolOf(upstream.url);
  for (let i = 0; i < 5; i++) {
    const outcome = await ask(pool);
    assert.deepEqual(
      [outcome.end, outcome.status, outcome.contentType, outcome.body],
      ['whole', 200, 'text/plain', 'hi'],
    );
  }
  assert.equal(upstream.connections, 1);
});

const LAST: Record<string, string> = {
  'connection: close': WHOLE.replace('\r\n\r\n', '\r\nConnection: keep-alive, Close\r\n\r\n'),
  'HTTP/1.0': WHOLE.replace('HTTP/1.1', 'HTTP/1.0'),
  'bytes behind the answer': `${WHOLE}x`,
  'a keep-alive time that is as good as over': WHOLE.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=1\r\n\r\n'),
};
for (const [name, text] of Object.entries(LAST)) {
  test(`after ${name} a connection is not used again`, async () => {
    const upstream = await scripted(writes(text));
    const pool = poolOf(upstream.url);
    for (let i = 1; i <= 3; i++) {
      assert.deepEqual([(await ask(pool)).body, upstream.connections], ['hi', i]);
      await waitFor('the end of the connection', () => upstream.openConnections === 0);
    }
  });
}

for (const framing of ['content-length: 5', 'transfer-encoding: chunked']) {
  test(`after a 204 with ${framing} a connection is not used again: its body may come after all`, async () => {
    const upstream = await scripted(writes(`HTTP/1.1 204 No Content\r\n${framing}\r\n\r\n`));
    const pool = poolOf(upstream.url);
    for (let i = 1; i <= 2; i++) {
      const { end, status, body } = await ask(pool);
      assert.deepEqual([end, status, body, upstream.connections], ['whole', 204, '', i]);
    }
  });
}

test('idle connections that the upstream ends, or answers on unasked, are not used again', async () => {
  for (const last of [
    ({ socket }: RawCall) => void socket.end(),
    ({ socket }: RawCall) => void socket.resetAndDestroy(),
    writes(WHOLE),
  ]) {
    const upstream = await scripted((call) => {
      call.socket.write(WHOLE);
      setTimeout(last, 30, call);
    });
    const pool = poolOf(upstream.url);
    for (let i = 1; i <= 3; i++) {
      assert.deepEqual([(await ask(pool)).body, upstream.connections], ['hi', i]);
      await waitFor('the end of the connection', () => upstream.openConnections === 0);
    }
  }
});

test('idle connections are closed after their time, and while idle no sooner', async () => {
  const upstream = await scripted(writes(WHOLE));
  const pool = poolOf(upstream.url);
  await ask(pool);
  pool.trim(nowMs() + LIMITS.keepAliveMs - 1_000);
  assert.equal(upstream.openConnections, 1);
  pool.trim(nowMs() + LIMITS.keepAliveMs + 1);
  await waitFor('the end of the connection', () => upstream.openConnections === 0);
  assert.equal((await ask(pool)).body, 'hi');
});

test('no more connections than allowed are open, and one that is given back serves the next', async () => {
  const upstream = await scripted(() => {});
  const pool = poolOf(upstream.url);
  const open = Array.from({ length: LIMITS.connectionsPerOrigin }, () => start(pool));
  assert.equal(pool.take(), null);
  open[0]!.attempt!.cancel();
  assert.equal(open[0]!.timesOver, 1);
  assert.equal(open[0]!.end, 'open', 'who cancels is told nothing');
  const last = pool.take();
  assert.notEqual(last, null);
  pool.give(last!, nowMs());
  for (const { attempt } of open) attempt!.cancel();
});

test('connections are opened ahead of need without a request, and used first', async () => {
  let requests = 0;
  const upstream = await scripted((call) => {
    requests++;
    writes(WHOLE)(call);
  });
  const before = counters.value(C.upstreamConnects);
  const pool = poolOf(upstream.url, null, { ...LIMITS, prewarm: 2 });
  await waitFor('both connections', () => counters.value(C.upstreamConnects) === before + 2);
  assert.equal(requests, 0);
  assert.deepEqual([(await ask(pool)).body, upstream.connections], ['hi', 2]);
});

test('a connection opened ahead of need serves the first attempt, also while it connects, when no other is allowed', async () => {
  const upstream = await scripted(writes(WHOLE));
  const pool = poolOf(upstream.url, null, { ...LIMITS, connectionsPerOrigin: 1, prewarm: 8 });
  const first = start(pool);
  assert.equal(pool.take(), null);
  await ended(first);
  assert.deepEqual([first.body, (await ask(pool)).body, upstream.connections], ['hi', 'hi', 1]);
  const refusing = poolOf('http://127.0.0.1:1', null, { ...LIMITS, connectionsPerOrigin: 1, prewarm: 1 });
  assert.deepEqual([(await ask(refusing)).code, (await ask(refusing)).code], ['ECONNREFUSED', 'ECONNREFUSED']);
});

test('each time limit has its code: connecting, the head, silence', async () => {
  const silent = await scripted(() => {});
  const head = await ask(poolOf(silent.url), { headersTimeoutMs: 60 });
  assert.deepEqual([head.end, head.code], ['failed', 'UND_ERR_HEADERS_TIMEOUT']);
  const stalling = await scripted(writes(`${HEAD}some`));
  const body = await ask(poolOf(stalling.url), { idleTimeoutMs: 60 });
  assert.deepEqual([body.end, body.code, body.body], ['failed', 'UND_ERR_BODY_TIMEOUT', 'some']);
  await waitFor('the end of both connections', () => silent.openConnections + stalling.openConnections === 0);
  // TLS to a port that never answers a handshake.
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  const port = (server.address() as AddressInfo).port;
  const connect = await ask(poolOf(`https://127.0.0.1:${port}`, null, { ...LIMITS, connectTimeoutMs: 100 }));
  assert.deepEqual([connect.end, connect.code], ['failed', 'UND_ERR_CONNECT_TIMEOUT']);
});

test('a refused connection, and an end or a reset before the answer is whole, have their codes', async () => {
  assert.equal((await ask(poolOf('http://127.0.0.1:1'))).code, 'ECONNREFUSED');
  const ending = await scripted(({ socket }) => void socket.end(`${HEAD}part`));
  assert.equal((await ask(poolOf(ending.url))).code, 'UND_ERR_SOCKET');
  const resetting = await scripted(({ socket }) => void socket.resetAndDestroy());
  assert.equal((await ask(poolOf(resetting.url))).code, 'ECONNRESET');
  const malformed = await scripted(writes('HTTP/1.1 2x0 OK\r\n\r\n'));
  assert.equal((await ask(poolOf(malformed.url))).code, 'HPE_INVALID');
});

test('a body that ends with the connection is whole', async () => {
  const upstream = await scripted(({ socket }) => void socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
  const outcome = await ask(poolOf(upstream.url));
  assert.deepEqual([outcome.end, outcome.body], ['whole', 'all of it']);
});

test('what is paused is not read on, is not late, and goes on where it was', async () => {
  const part = 'x'.repeat(4_000_000);
  const upstream = await scripted(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${part.length}\r\n\r\n`);
    socket.write(part);
  });
  await assertPauses(poolOf(upstream.url), part.length);
});

test('a detached attempt is read on within its bounds of bytes and time, and tells nobody', async () => {
  const upstream = await scripted(writes(`HTTP/1.1 500 Odd\r\ncontent-length: 3000\r\n\r\n${'x'.repeat(3_000)}`));
  const pool = poolOf(upstream.url);
  const short = start(pool);
  short.attempt!.detach(100_000, 5_000);
  await ended(short);
  assert.deepEqual([short.status, short.end], [0, 'open']);
  assert.deepEqual([(await ask(pool)).status, upstream.connections], [500, 1], 'its connection is kept');
  const long = start(pool);
  long.attempt!.detach(1_000, 5_000);
  await ended(long);
  await waitFor('the end of the connection', () => upstream.openConnections === 0);
  const silent = await scripted(() => {});
  const late = start(poolOf(silent.url));
  late.attempt!.detach(1_000, 50);
  await ended(late);
  await waitFor('the end of the connection', () => silent.openConnections === 0);
});

test('a connection whose upload was not taken ends with its attempt, which may hold the body until it is closed', async () => {
  const upstream = await RawUpstream.start(() => ({ when: 'head', answer: writes(WHOLE) }));
  atEnd(() => upstream.close());
  const pool = poolOf(upstream.url);
  const outcome = start(pool, { body: Buffer.alloc(40_000_000, 0x20) });
  assert.ok(outcome.attempt!.holdsBody, 'while it connects');
  await ended(outcome);
  assert.equal(outcome.body, 'hi');
  await waitFor('the end of the hold', () => !outcome.attempt!.holdsBody);
  const small = start(pool);
  await ended(small);
  assert.equal(upstream.connections, 2);
});

test('the memory of a small body is free as soon as it is sent', async () => {
  const upstream = await scripted(() => {});
  const outcome = start(poolOf(upstream.url));
  await waitFor('the sending', () => !outcome.attempt!.holdsBody);
  assert.equal(outcome.attempt!.over, false);
  outcome.attempt!.cancel();
});

test('what HTTP does not allow in a line is never sent', async () => {
  const upstream = await scripted(writes(WHOLE));
  const pool = poolOf(upstream.url);
  for (const asked of [
    { path: '/a b' },
    { path: '/a\r\nx: y' },
    { path: '/\u0100' },
    { headers: ['x', 'a\r\nb: c'] },
    { headers: ['x', 'a\0'] },
    { headers: ['x', '\u0100'] },
    { headers: ['x y', 'a'] },
    { fixedHeaders: ['x', 'a\r\nb: c'] },
  ]) {
    const outcome = start(pool, asked);
    assert.deepEqual([outcome.end, outcome.code, outcome.timesOver], ['failed', 'UND_ERR_INVALID_ARG', 1]);
  }
  assert.equal((await ask(pool)).body, 'hi');
});

test('over TLS: whole answers in pieces, and the second connection resumes the session of the first', async () => {
  const resumed: boolean[] = [];
  const url = await tlsUpstream((socket) => {
    resumed.push(socket.isSessionReused());
    socket.on('data', () => {
      socket.write(WHOLE.slice(0, 30));
      setImmediate(() => socket.write(WHOLE.slice(30).replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')));
    });
    socket.on('error', () => {});
  });
  const pool = poolOf(url, CA);
  for (let i = 0; i < 2; i++) assert.equal((await ask(pool)).body, 'hi');
  assert.deepEqual(resumed, [false, true]);
});

test('over TLS nothing is sent to an upstream that cannot prove who it is', async () => {
  let bytes = 0;
  const url = await tlsUpstream((socket) => {
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on('error', () => {});
  });
  const outcome = await ask(poolOf(url));
  assert.match(outcome.code, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/);
  const unreadable = await ask(poolOf(url, '-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n'));
  assert.equal(unreadable.end, 'failed');
  assert.equal((await ask(poolOf(url, CA), { headersTimeoutMs: 60 })).code, 'UND_ERR_HEADERS_TIMEOUT');
  await waitFor('the request', () => bytes > 0);
  assert.ok(bytes < 300, 'only the request of the one that trusts it came');
});

test('when the pools close, what is under way is broken off and its place given back', async () => {
  const upstream = await scripted(writes(HEAD));
  const pools = makePools();
  const outcome = start(pools.get({ origin: upstream.url, ca: null, poolKey: 'k', address: null }));
  await waitFor('the head', () => outcome.status === 200);
  pools.keep([]);
  assert.equal(outcome.attempt!.over, false, 'a pool that nobody names any more lets its attempts end');
  pools.close();
  await ended(outcome);
  await waitFor('the end of the connection', () => upstream.openConnections === 0);
});
