/** The load over kept connections against servers that answer, count and fail. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import { firstByte } from '../../native-bench/load/first-byte.ts';
import { KeptConnections } from '../../native-bench/load/kept-connections.ts';
import { rawRequest } from '../../native-bench/load/requests.ts';
import { freePort } from '../support/free-port.ts';

const BOUND_MS = 10_000;

async function serve(
  t: TestContext,
  listener: RequestListener,
  port = 0,
): Promise<{ url: string; connections(): number }> {
  let connections = 0;
  const server = createServer(listener).on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address() as { port: number };
  return { url: `http://127.0.0.1:${address.port}`, connections: () => connections };
}

function open(t: TestContext, url: string, count: number): KeptConnections {
  const connections = new KeptConnections(url, count);
  t.after(() => connections.close());
  return connections;
}

const SHAPE = { bodyBytes: 256, stream: false };

test('each request is asked once, whole and chunked answers are told from their ends', async (t) => {
  const keys: string[] = [];
  const { url, connections } = await serve(t, (request, response) => {
    keys.push(String(request.headers['x-api-key']));
    if (keys.length % 2 === 0) response.setHeader('content-length', '4').end('{"":');
    else response.write('{', () => response.end('}'));
  });
  const asked = Array.from({ length: 50 }, (_, index) => `key-${index}`);
  const requests = asked.map((key) => rawRequest(url, { ...SHAPE, key }));
  const tookMs = await open(t, url, 4).askEach(requests);
  assert.equal(tookMs.length, 50);
  assert.ok(tookMs.every((ms) => ms > 0));
  assert.deepEqual(keys.toSorted(), asked.toSorted());
  assert.equal(connections(), 4);
});

test('a steady rate goes round all connections and is kept', async (t) => {
  const byPort = new Map<number, number>();
  const { url } = await serve(t, (request, response) => {
    const port = request.socket.remotePort!;
    byPort.set(port, (byPort.get(port) ?? 0) + 1);
    response.end('{}');
  });
  const startMs = performance.now();
  const tookMs = await open(t, url, 8).askSteadily(rawRequest(url, { ...SHAPE, key: 'k' }), 400, 0.4);
  assert.equal(tookMs.length, 160);
  assert.ok(performance.now() - startMs >= 395);
  assert.deepEqual(
    [...byPort.values()],
    Array.from({ length: 8 }, () => 20),
  );
});

test('time that a request waits behind a stalled one counts as its own', async (t) => {
  let stalled = false;
  const { url } = await serve(t, (_request, response) => {
    if (stalled) return void response.end('{}');
    stalled = true;
    setTimeout(() => response.end('{}'), 200);
  });
  const tookMs = await open(t, url, 1).askSteadily(rawRequest(url, { ...SHAPE, key: 'k' }), 100, 0.1);
  assert.ok(tookMs.filter((ms) => ms > 90).length >= 8, tookMs.join(' '));
});

test('an answer that is no 200, and a connection that breaks, are errors', async (t) => {
  const refusing = await serve(t, (_request, response) => response.writeHead(503).end('full'));
  const request = rawRequest(refusing.url, { ...SHAPE, key: 'k' });
  await assert.rejects(open(t, refusing.url, 1).askEach([request]), /503/);
  const breaking = await serve(t, (incoming) => incoming.socket.destroy());
  await assert.rejects(open(t, breaking.url, 1).askEach([request]), /before the end of an answer/);
});

test('a connection that the server closed while it was idle is an error, not a wait', async (t) => {
  const closed = Promise.withResolvers<void>();
  const { url } = await serve(t, (incoming, response) => {
    incoming.socket.once('close', () => closed.resolve());
    response.end('{}', () => incoming.socket.end());
  });
  const request = rawRequest(url, { ...SHAPE, key: 'k' });
  const connections = open(t, url, 1);
  assert.equal((await connections.askEach([request])).length, 1);
  await closed.promise;
  await assert.rejects(connections.askEach([request]), /before the end of an answer/);
});

test('the first byte of a server that starts late is waited for; an answer that is no 200 is an error', async (t) => {
  const port = await freePort();
  const request = rawRequest(`http://127.0.0.1:${port}`, { ...SHAPE, key: 'k' });
  const waiting = firstByte(port, request, BOUND_MS);
  let askedMs = Number.POSITIVE_INFINITY;
  const answer: RequestListener = (_request, response) => {
    askedMs = performance.now();
    response.end('{}');
  };
  await serve(t, answer, port);
  assert.ok((await waiting) >= askedMs);
  const refusing = await serve(t, (_request, response) => response.writeHead(401).end());
  await assert.rejects(firstByte(Number(new URL(refusing.url).port), request, BOUND_MS), /401/);
});
