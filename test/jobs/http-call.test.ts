import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { callHttp, type HttpAnswer } from '#jobs/http-call.ts';

test('a call that is late behind others was never sent, and says so; one whose answer is late does too', async () => {
  let requests = 0;
  const server = createServer(() => {
    requests++;
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const leave = new AbortController();
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const call = (timeoutMs: number, { signal } = new AbortController()): Promise<HttpAnswer> =>
    callHttp({
      ...{ method: 'POST', url, headers: {}, body: Buffer.from('x'), ca: null, agent },
      ...{ timeoutMs, bytesMax: 100, signal },
    });
  try {
    const first = assert.rejects(call(60_000, leave));
    await once(server, 'request');
    await assert.rejects(call(100), { code: 'UND_ERR_CONNECT_TIMEOUT' });
    leave.abort();
    await first;
    assert.equal(requests, 1);
    await assert.rejects(call(1000), { code: 'UND_ERR_HEADERS_TIMEOUT' });
    assert.equal(requests, 2);
  } finally {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  }
});
