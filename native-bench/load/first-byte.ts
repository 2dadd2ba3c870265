/** When a server that is only starting relays its first byte: asks for a connection again and again, then once for an answer. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 2;
const ANSWER_BOUND_MS = 30_000;

/** Resolves with the moment (`performance.now()`) of the first byte of a 200; another answer is an error. */
export async function firstByte(port: number, request: Buffer, boundMs: number): Promise<number> {
  const endMs = performance.now() + boundMs;
  while (performance.now() < endMs) {
    const answeredMs = await tryOnce(port, request);
    if (answeredMs !== null) return answeredMs;
    await sleep(RETRY_MS);
  }
  throw new Error(`nothing listened on port ${port} within ${boundMs} ms`);
}

/** Null: nothing listens there yet. */
function tryOnce(port: number, request: Buffer): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request));
    socket.setTimeout(ANSWER_BOUND_MS, () => socket.destroy(new Error(`port ${port} went silent`)));
    socket.once('data', (chunk) => {
      const nowMs = performance.now();
      socket.destroy();
      const text = chunk.toString('latin1', 0, 400);
      if (text.startsWith('HTTP/1.1 200')) resolve(nowMs);
      else reject(new Error(`port ${port} answered ${text}`));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') resolve(null);
      else reject(error);
    });
    socket.once('close', () => resolve(null));
  });
}
