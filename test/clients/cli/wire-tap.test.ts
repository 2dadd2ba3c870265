/** The tap between a client and a gateway is not noticed by either, and tells what each request was answered. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { closeAll } from '../../support/close-all.ts';
import { WireTap } from './wire-tap.ts';

let server: Server;
let tap: WireTap;

before(async () => {
  server = createServer((asked, response) => {
    if (asked.url === '/reset') {
      response.write('a part');
      asked.socket.once('drain', () => asked.socket.resetAndDestroy());
      setImmediate(() => asked.socket.resetAndDestroy());
    } else if (asked.url === '/chunks') {
      response.write('one ');
      response.end('two');
    } else {
      response.end(asked.method === 'HEAD' ? undefined : 'whole');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  tap = await WireTap.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
after(() =>
  closeAll(
    () => tap?.close(),
    async () => {
      server?.close();
      server?.closeAllConnections();
    },
  ),
);

test('requests of one connection are told apart, each with its answer, whatever frames it', async () => {
  const call = async (method: string, path: string, body = ''): Promise<void> => {
    const sent = request(`${tap.url}${path}`, { method, headers: { 'X-Odd-Case': path } }).end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
  };
  await call('POST', '/whole', 'asked');
  await call('HEAD', '/whole');
  await call('GET', '/chunks');
  const seen = tap.take().map(({ method, path, status, request: { body, headers }, answer }) => {
    const own = headers.find(([name]) => name === 'X-Odd-Case')?.[1];
    return [method, path, own, body.toString(), status, answer?.body.toString(), answer?.whole];
  });
  assert.deepEqual(seen, [
    ['POST', '/whole', '/whole', 'asked', 200, 'whole', true],
    ['HEAD', '/whole', '/whole', '', 200, '', true],
    ['GET', '/chunks', '/chunks', '', 200, 'one two', true],
  ]);
  assert.deepEqual(tap.take(), [], 'what was taken is not told again');
});

test('a reset stays a reset', async () => {
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
    get(`${tap.url}/reset`, (answer) => answer.on('error', resolve).resume()).on('error', resolve);
  });
  assert.equal(error.code, 'ECONNRESET');
  const [exchange] = tap.take();
  assert.ok(exchange !== undefined && exchange.answer?.whole !== true);
});
