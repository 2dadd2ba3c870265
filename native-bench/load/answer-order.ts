/**
 * Who is answered when: requests of one user on connections of their own, opened beforehand, sent one after the other with a stated time
 * between. Plain sockets in the caller's process; a few dozen, not a load.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerParser } from './answer-parser.ts';
import { type RequestShape, rawRequest } from './requests.ts';

const ANSWER_BOUND_MS = 30_000;

export interface Sequence extends RequestShape {
  url: string;
  count: number;
  everyMs: number;
}

/** Numbers of the requests in the order of their answers; rejects when one is not answered 200. */
export async function answerOrder(sequence: Sequence): Promise<number[]> {
  const { hostname, port } = new URL(sequence.url);
  const request = rawRequest(sequence.url, sequence);
  const sockets = Array.from({ length: sequence.count }, () => connect(Number(port), hostname));
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const order: number[] = [];
    const answers = sockets.map((socket, index) => answered(socket).then(() => void order.push(index)));
    const all = Promise.all(answers);
    all.catch(() => {});
    for (const socket of sockets) {
      socket.write(request);
      await sleep(sequence.everyMs);
    }
    await all;
    return order;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function answered(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let status = 0;
    const parser = new AnswerParser({
      onHead: (one) => {
        status = one;
      },
      onBody: () => {},
      onEnd: () => (status === 200 ? resolve() : reject(new Error(`a request in line was answered ${status}`))),
    });
    socket.setTimeout(ANSWER_BOUND_MS, () => socket.destroy(new Error('a request in line was not answered')));
    socket.on('data', (bytes: Buffer) => parser.push(bytes));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a request in line lost its connection')));
  });
}

/** By how many places the one that was moved most was moved. */
export function displacementMax(order: readonly number[]): number {
  return order.reduce((most, index, place) => Math.max(most, Math.abs(index - place)), 0);
}
