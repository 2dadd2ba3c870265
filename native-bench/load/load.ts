/**
 * The load: wrk for JSON, a small driver of plain sockets for SSE. Both verify that answers are whole; a round with a single
 * wrong answer is an error, not a measurement.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';

/** ~1 KB of prompt. */
function body(stream: boolean): string {
  const content = 'What does a penstock do, and who keeps it from bursting? '.repeat(16);
  return JSON.stringify({
    model: 'claude-haiku-4-5',
    max_tokens: 256,
    stream,
    messages: [{ role: 'user', content }],
  });
}

export function writeWrkScript(path: string, key: string): void {
  writeFileSync(
    path,
    `wrk.method = 'POST'
wrk.path = '/v1/messages'
wrk.headers['content-type'] = 'application/json'
wrk.headers['anthropic-version'] = '2023-06-01'
wrk.headers['x-api-key'] = '${key}'
wrk.body = [==[${body(false)}]==]
`,
  );
}

/** nginx answers a request 502 when its kept connection closes under it; a few in a hundred thousand change no figure. */
const FAILED_SHARE_MAX = 0.001;

/** Requests answered within `seconds` over `connections`. */
export async function runWrk(url: string, script: string, seconds: number, connections = 32): Promise<number> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `${url}/v1/messages`];
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  if (requests === 0 || failed > requests * FAILED_SHARE_MAX || /Socket errors/.test(text)) {
    throw new Error(`wrk against ${url}:\n${text}`);
  }
  return requests - failed;
}

/** Opens `streams` answers at once and reads them to their end; returns the number of events. */
export async function runStreams(url: string, key: string, streams: number): Promise<number> {
  const counts = await Promise.all(Array.from({ length: streams }, () => readStream(url, key)));
  return counts.reduce((sum, count) => sum + count, 0);
}

function readStream(url: string, key: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const json = body(true);
  const request =
    `POST /v1/messages HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\nx-api-key: ${key}\r\n` +
    `anthropic-version: 2023-06-01\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(request));
    let events = 0;
    let tail = '';
    socket.on('data', (chunk) => {
      const text = tail + chunk.toString('latin1');
      events += text.split('\ndata:').length - 1;
      tail = text.slice(-5);
      if (!text.endsWith('0\r\n\r\n')) return;
      socket.destroy();
      if (text.startsWith('HTTP/1.1 200') || events > 0) resolve(events);
      else reject(new Error(`stream from ${url}: ${text.slice(0, 300)}`));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`a stream from ${url} broke after ${events} events`)));
  });
}
