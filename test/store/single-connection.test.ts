/** A connection that is closed right after it was accepted, as a proxy does whose server is away, is given up at once. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { SingleConnection } from '#store/single-connection.ts';

/** What `connectTimeoutMs` would be waited for, and how soon the truth must be out instead. */
const TIMEOUT_MS = 10_000;
const SOON_MS = 5_000;
const TRIES = 3;

const CLOSINGS: Record<string, (socket: Socket) => void> = {
  'by an orderly end': (socket) => socket.end(),
  'by a reset': (socket) => socket.resetAndDestroy(),
  'some milliseconds later': (socket) => void setTimeout(() => socket.destroy(), 20),
  'after the first message': (socket) => socket.once('data', () => socket.destroy()),
};

for (const [how, close] of Object.entries(CLOSINGS)) {
  test(`a connection that is closed ${how} is not waited for`, async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      close(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const url = `postgres://nobody:nothing@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
    const options = { connectTimeoutMs: TIMEOUT_MS, statementTimeoutMs: TIMEOUT_MS, applicationName: 'test' };
    for (let i = 0; i < TRIES; i++) {
      const startMs = performance.now();
      await assert.rejects(SingleConnection.open(url, options), /lost|ECONNRESET|closed/);
      assert.ok(performance.now() - startMs < SOON_MS, `${performance.now() - startMs} ms`);
    }
  });
}
