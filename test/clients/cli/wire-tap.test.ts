/** The tap between a client and a gateway is not noticed by either, and tells what each request was answered. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { closeAll } from '../../support/close-all.ts';
import { WireTap } from './wire-tap.ts';

let server: Server;
let tap: WireTap;

before(async () => {
  server = createServer((asked, response) => {
    if (asked.url === '/part') {
      response.write('a part');
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

test('a reset stays a reset, and an end an end', async () => {
  for (const how of ['reset', 'end'] as const) {
    const arrived = once(server, 'request') as Promise<[IncomingMessage]>;
    const client = connect(Number(new URL(tap.url).port), '127.0.0.1');
    const ended = new Promise<string>((resolve) => {
      client.on('error', ({ message }) => resolve(message)).on('end', () => resolve('end'));
    });
    client.write('GET /part HTTP/1.1\r\nhost: a\r\n\r\n');
    const [{ socket }] = await arrived;
    await once(client, 'data');
    if (how === 'reset') socket.resetAndDestroy();
    else socket.end();
    assert.equal(await ended, how === 'reset' ? 'read ECONNRESET' : 'end');
    client.destroy();
    const [exchange] = tap.take();
    assert.deepEqual([exchange?.path, exchange?.status, exchange?.answer?.whole], ['/part', 200, false]);
  }
});
