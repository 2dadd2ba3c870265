/**
 * A port that never completes a connection: its listener sits on a thread that accepts nothing, and its queue is full, so that the
 * kernel drops further SYN packets. What a host behind a silent firewall looks like.
 */
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { waitFor } from './wait-for.ts';

const LISTENER = `
const { createServer } = require('node:net');
const { parentPort } = require('node:worker_threads');
const server = createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  setImmediate(() => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
});`;
/** With a backlog of 1 the kernel takes one connection more. */
const QUEUE_PLACES = 2;

export interface StalledPort {
  url: string;
  close(): Promise<void>;
}

export async function openStalledPort(): Promise<StalledPort> {
  const worker = new Worker(LISTENER, { eval: true });
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const fillers: Socket[] = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await waitFor('a full queue', () => fillers.filter(({ pending }) => !pending).length >= QUEUE_PLACES);
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}
