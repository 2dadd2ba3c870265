/** SSE over plain sockets: opens streams at once, reads them to their end, counts events. In the caller's process. */
import { connect } from 'node:net';
import { type RequestShape, rawRequest } from './requests.ts';

const STREAM_BOUND_MS = 120_000;

/** Events of all streams; rejects when one is not answered with a stream, or breaks. */
export async function runStreams(
  url: string,
  shape: RequestShape,
  streams: number,
  headers: Record<string, string> = {},
): Promise<number> {
  const request = rawRequest(url, shape, headers);
  const counts = await Promise.all(Array.from({ length: streams }, () => readStream(url, request)));
  return counts.reduce((sum, count) => sum + count, 0);
}

function readStream(url: string, request: Buffer): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setTimeout(STREAM_BOUND_MS, () => socket.destroy(new Error(`a stream from ${url} went silent`)));
    let events = 0;
    let tail = '';
    socket.on('data', (chunk) => {
      const text = tail + chunk.toString('latin1');
      events += text.split('\ndata:').length - 1;
      tail = text.slice(-5);
      if (!text.endsWith('0\r\n\r\n')) return;
      socket.destroy();
      if (events > 0) resolve(events);
      else reject(new Error(`stream from ${url}: ${text.slice(0, 300)}`));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`a stream from ${url} broke after ${events} events`)));
  });
}
