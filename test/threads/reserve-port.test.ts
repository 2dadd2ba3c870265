import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Listener } from '#edge/listener.ts';
import { CounterRow, counterBytes } from '#meter/counters.ts';
import { reservePort } from '#threads/reserve-port.ts';

function makeListener(): Listener {
  return new Listener({
    tls: null,
    messageBytesMax: 1024,
    connectionsMax: 100,
    counters: new CounterRow(new SharedArrayBuffer(counterBytes(1)), 0),
    mayForward: () => false,
    onRequest: () => {},
    onFull: () => assert.fail('full'),
  });
}

test('a reserved port can be shared by listeners and by nobody else', async () => {
  const reservation = await reservePort('127.0.0.1');
  const listeners = [makeListener(), makeListener()];
  const intruder = createServer().listen(reservation.port, '127.0.0.1');
  const [error] = (await once(intruder, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'EADDRINUSE');
  for (const listener of listeners) await listener.listen('127.0.0.1', reservation.port);
  await reservation.release();
  const response = await fetch(`http://127.0.0.1:${reservation.port}/healthz`);
  assert.deepEqual([response.status, await response.json()], [200, { status: 'ok' }]);
  for (const listener of listeners) {
    listener.stop();
    listener.close();
  }
});

test('a port that is taken is an error, not a silent share', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const listener = makeListener();
  await assert.rejects(listener.listen('127.0.0.1', port), /cannot listen on 127\.0\.0\.1:\d+/);
  listener.close();
  taken.close();
});
