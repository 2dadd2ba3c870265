/**
 * One connection fed read by read: what comes in the turn in which an answer ended never reaches the exchange that uses the connection
 * next. And the same promises over TLS as without it: pausing, the end of the body's hold, the end of the connection.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { C } from '#meter/counters.ts';
import { type ResponseHandler, UpstreamConnection } from '#relay/upstream-connection.ts';
import { type OnRead, readBuffer, UpstreamOrigin } from '#relay/upstream-origin.ts';
import {
  ask,
  assertPauses,
  atEnd,
  CA,
  counters,
  endAll,
  poolOf,
  scripted,
  start,
  tlsUpstream,
  WHOLE,
} from '../support/attempt-rig.ts';
import { waitFor } from '../support/wait-for.ts';

after(endAll);

/** Real connections whose reads the test makes up. */
class FedOrigin extends UpstreamOrigin {
  #onRead: OnRead = () => true;

  override open(onRead: OnRead): ReturnType<UpstreamOrigin['open']> {
    this.#onRead = onRead;
    return super.open(onRead);
  }

  feed(bytes: string): boolean {
    return this.#onRead(readBuffer.write(bytes, 'latin1'));
  }
}

class Told implements ResponseHandler {
  readonly log: string[] = [];
  readonly #atEnd: () => void;

  constructor(atEnd = () => {}) {
    this.#atEnd = atEnd;
  }

  onResponseHead(status: number): void {
    this.log.push(`head ${status}`);
  }

  onResponseData(chunk: Buffer): void {
    this.log.push(`data ${chunk.length}`);
  }

  onResponseEnd(): void {
    this.log.push('end');
    this.#atEnd();
  }

  onResponseError(error: Error & { code?: string }): void {
    this.log.push(`error ${error.code}`);
  }

  onBreakOff(): void {
    this.log.push('break off');
  }
}

const REQUEST = {
  head: 'POST / HTTP/1.1\r\n\r\n',
  body: Buffer.from('{}'),
  headersTimeoutMs: 5_000,
  idleTimeoutMs: 5_000,
};

/** A connection on which a first answer is awaited; at its end, in the same turn, it takes the next request. */
async function connected(origin: FedOrigin): Promise<{ connection: UpstreamConnection; first: Told; next: Told }> {
  const told = { onConnected: () => {}, onDead: () => {} };
  const connection = new UpstreamConnection(origin, 1_000, told);
  const next = new Told();
  const first = new Told(() => {
    if (connection.reusable) connection.send(REQUEST, next);
  });
  connection.send(REQUEST, first);
  await waitFor('the first request to be sent', () => !connection.holdsBody);
  return { connection, first, next };
}

const FORGED = WHOLE.replace('hi', 'no');

test('a TLS record read together with the end of an answer is no answer to the next request', async () => {
  const url = await tlsUpstream((socket) => void socket.resume().on('error', () => {}));
  const origin = new FedOrigin(url, CA);
  const { connection, first, next } = await connected(origin);
  origin.feed(WHOLE);
  assert.deepEqual([first.log, connection.holdsBody], [['head 200', 'data 2', 'end'], true], 'the next one is taken');
  assert.equal(origin.feed(FORGED), false);
  assert.deepEqual(next.log, ['error UND_ERR_SOCKET']);
  assert.deepEqual([connection.dead, connection.endedUnanswered], [true, true], 'it may be sent again');
  await new Promise(setImmediate);
  assert.equal(connection.holdsBody, false);
});

test('a request that uses a TLS connection in the turn in which the answer before ended is sent and answered', async () => {
  let requests = 0;
  const url = await tlsUpstream((socket) => {
    socket.on('data', () => void (requests++ > 0 && socket.write(WHOLE)));
    socket.on('error', () => {});
  });
  const origin = new FedOrigin(url, CA);
  const { connection, next } = await connected(origin);
  origin.feed(WHOLE);
  await waitFor('the second answer', () => next.log.at(-1) === 'end');
  assert.deepEqual(next.log, ['head 200', 'data 2', 'end']);
  connection.destroy();
});

test('over TLS a connection is kept also when the answer comes before the socket has told that the request was sent', async () => {
  const url = await tlsUpstream((socket) => void socket.resume().on('error', () => {}));
  const origin = new FedOrigin(url, CA);
  const connection = new UpstreamConnection(origin, 1_000, { onConnected: () => {}, onDead: () => {} });
  atEnd(() => connection.destroy());
  connection.send(REQUEST, new Told());
  await waitFor('the first request to be sent', () => !connection.holdsBody);
  origin.feed(WHOLE);
  await new Promise(setImmediate);
  const next = new Told();
  connection.send(REQUEST, next);
  origin.feed(WHOLE);
  assert.deepEqual(next.log, ['head 200', 'data 2', 'end']);
  assert.equal(connection.reusable, true);
});

test('after an answer that ends with a full read buffer the connection is not used again', async () => {
  const upstream = await scripted(() => {});
  const origin = new FedOrigin(upstream.url, null);
  const { connection, first, next } = await connected(origin);
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: ';
  const length = readBuffer.length - head.length - 9;
  origin.feed(`${head}${length}\r\n\r\n${'x'.repeat(length)}`);
  assert.deepEqual(first.log, ['head 200', `data ${length}`, 'end']);
  assert.deepEqual([connection.reusable, connection.dead, next.log], [false, true, []]);
  await waitFor('the end of the connection', () => upstream.openConnections === 0);
});

test('over TLS, too, what is paused is not read on, is not late, and goes on where it was', async () => {
  const part = 'x'.repeat(4_000_000);
  const url = await tlsUpstream((socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${part.length}\r\n\r\n${part}`));
    socket.on('error', () => {});
  });
  await assertPauses(poolOf(url, CA), part.length);
});

test('over TLS, too, an attempt that is broken off within its upload holds the body until the connection is closed', async () => {
  const url = await tlsUpstream((socket) => void socket.pause().on('error', () => {}));
  const before = counters.value(C.upstreamConnects);
  const outcome = start(poolOf(url, CA), { body: Buffer.alloc(40_000_000, 0x20) });
  await waitFor('the connection', () => counters.value(C.upstreamConnects) === before + 1);
  assert.ok(outcome.attempt!.holdsBody);
  outcome.attempt!.cancel();
  await waitFor('the end of the hold', () => !outcome.attempt!.holdsBody);
  assert.equal(outcome.timesOver, 1);
});

test('a name with several addresses, of which the first refuses, is reached over TLS; a body that ends with it is whole', async () => {
  const url = await tlsUpstream((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    socket.on('error', () => {});
  }, 'localhost');
  const outcome = await ask(poolOf(url, CA));
  assert.deepEqual([outcome.code, outcome.end, outcome.body], ['', 'whole', 'all of it']);
});
