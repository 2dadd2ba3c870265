import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Listener } from '#edge/listener.ts';
import { reservePort } from '#threads/reserve-port.ts';

test('a reserved port can be shared by listeners and by nobody else', async () => {
  const reservation = await reservePort('127.0.0.1');
  const listeners = [0, 1].map(
    () =>
      new Listener(
        () => false,
        () => {},
      ),
  );
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
  const listener = new Listener(
    () => false,
    () => {},
  );
  await assert.rejects(listener.listen('127.0.0.1', port), /cannot listen on 127\.0\.0\.1:\d+/);
  listener.close();
  taken.close();
});
