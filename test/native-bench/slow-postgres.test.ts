/** The proxy that makes PostgreSQL slow for a measurement: it delays, and never reorders. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { PostgresProxy } from '../support/proxy-postgres.ts';
import { waitFor } from '../support/wait-for.ts';

test('bytes are late by the delay in each direction, and leave in the order in which they came when it falls', async (t) => {
  const echo = createServer((socket) => socket.pipe(socket).on('error', () => {}));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  t.after(() => echo.close());
  const proxy = await PostgresProxy.start(`postgres://u@127.0.0.1:${(echo.address() as AddressInfo).port}/none`);
  t.after(() => proxy.close());
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  socket.setNoDelay(true);
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  const say = async (word: string): Promise<number> => {
    const startMs = performance.now();
    socket.write(word);
    await waitFor(`the echo of ${word}`, () => text.endsWith(word), { everyMs: 1 });
    return performance.now() - startMs;
  };
  await say('quick');
  proxy.delayMs = 100;
  const lateMs = await say('slow');
  assert.ok(lateMs >= 195, `${lateMs} ms`);
  let passed = 0;
  proxy.watch = () => {
    passed++;
  };
  socket.write('first');
  await waitFor('the first to be on its way', () => passed > 0, { everyMs: 1 });
  proxy.delayMs = 0;
  await say('second');
  assert.equal(text, 'quickslowfirstsecond');
});
