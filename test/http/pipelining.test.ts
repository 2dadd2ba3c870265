/** What a second request on a connection does to a stream that is still being answered: the server ends it, the books stay right. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { findRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start({ plan: () => ({ events: 2_000, paceMs: 20, usage: { inputTokens: 77 } }) });
  gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
});
after(() =>
  closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  ),
);

function request(label: string): string {
  const body = JSON.stringify(question(label, { stream: true }));
  return `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${KEY}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

test('a second request pipelined into a stream ends it; what was served is billed, and nothing stays held', async () => {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    closed = true;
  });
  socket.write(request('streaming'));
  await waitFor('the stream', () => text.includes('content_block_delta'));
  socket.write(request('pipelined'));
  await waitFor('the end of the connection', () => closed);
  await gateway.assertIdle();
  const served = await upstream.served('streaming');
  const row = findRow(await usageOf(gateway), served.requestId);
  assert.deepEqual([row.status, row.inputTokens], ['client_gone', 77]);
  assert.equal(upstream.ledger.length, 1, 'the pipelined request was not served');
});
