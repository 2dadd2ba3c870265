/** A front on a thread of its own, led by the messages that primary sends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { pack } from '#base/msgpack.ts';
import { configSchema } from '#config/schema.ts';
import type { FrontToPrimary, PrimaryToFront, Snapshot } from '#threads/protocol.ts';
import { makeSharedBlocks } from '#threads/shared-blocks.ts';
import { workerThreads } from '#threads/thread-starter.ts';
import { waitFor, within } from '../support/wait-for.ts';

/** An upstream that keeps idle connections for ever; returns its address and how many it has. */
async function startUpstream(t: TestContext): Promise<{ url: string; open: () => number }> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.keepAliveTimeout = 0;
  let open = 0;
  server.on('connection', (socket) => {
    open++;
    socket.on('close', () => open--);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open: () => open };
}

function snapshotOf(version: number, baseUrl: string): PrimaryToFront {
  const account = {
    ...{ id: 1, row: 0, name: 'a1', platform: 'anthropic', baseUrl, apiKey: 'sk-up-a1', priority: 1, concurrency: 1 },
    ...{ status: 'active', modelMap: {}, models: null, ca: null, protocols: null, settings: {} },
  };
  const snapshot = { version, groups: [], accounts: [account] } as unknown as Snapshot;
  return { type: 'snapshot', version, bytes: pack(snapshot) };
}

test('a snapshot that meets a front which has just ended opens nothing, and the thread ends', async (t) => {
  const upstream = await startUpstream(t);
  const config = configSchema.parse({
    limits: { exchangesPerFront: 16, users: 16, accounts: 16 },
    usage: { ringBytes: 65_536 },
    log: { level: 'silent' },
  });
  const { port1, port2 } = new MessageChannel();
  const tell = (message: PrimaryToFront): void => port1.postMessage(message);
  const said: string[] = [];
  port1.on('message', ({ type }: FrontToPrimary) => {
    said.push(type);
    // As it crosses with a reload of the catalog.
    if (type === 'drained') for (const each of [snapshotOf(2, upstream.url), { type: 'exit' } as const]) tell(each);
  });
  const front = workerThreads.front({
    index: 0,
    config,
    shared: makeSharedBlocks(config, 1),
    port: port2,
    linkKey: '',
  });
  const ended = new Promise<void>((resolve) => void front.once('exit', resolve));
  tell(snapshotOf(1, upstream.url));
  await waitFor('its first connection', () => upstream.open() === 1);
  tell({ type: 'drain', deadlineMs: 0, final: true });
  await within('the end of the thread', 10_000, ended);
  assert.deepEqual(said, ['snapshotAck', 'drained']);
  port1.close();
});
