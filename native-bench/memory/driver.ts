/**
 * The clients of the memory scenarios, a process of its own: many plain sockets of one kind. Prints its count as a JSON line a few
 * times a second, ends when its standard input does.
 *
 *   idle    connects and says nothing          body    sends a body, reads the answer
 *   stream  opens a stream and reads it        slow    opens a stream and reads a little of it now and then
 *
 *   node driver.ts KIND URL KEY COUNT BODY_BYTES
 */
import { connect, type Socket } from 'node:net';

const [kind = '', url = '', key = '', countText = '', bodyBytesText = ''] = process.argv.slice(2);
const COUNT = Number(countText);
const BODY_BYTES = Number(bodyBytesText);
const CONNECTING_MAX = 128;
/** Each source address has some 28,000 ports. */
const SOURCES = 8;
const SLOW_EVERY_MS = 1_000;
const REPORT_MS = 200;

/** Every client is in exactly one of `waiting`, `open`, `answered` (by status) or `closed`. */
const count = {
  connected: 0,
  waiting: COUNT,
  open: 0,
  closed: 0,
  refused: 0,
  brokeOff: 0,
  bytes: 0,
  answered: {} as Record<string, number>,
};

function request(): Buffer {
  const user = { body: 'json', stream: 'held', slow: 'endless' }[kind];
  const rest = { model: 'claude-haiku-4-5', max_tokens: 256, stream: kind !== 'body' };
  const empty = JSON.stringify({ metadata: { user_id: user }, ...rest, messages: [{ role: 'user', content: '' }] });
  const body = empty.replace('"content":""', `"content":"${'x'.repeat(Math.max(1, BODY_BYTES - empty.length))}"`);
  const { host } = new URL(url);
  const head =
    `POST /v1/messages HTTP/1.1\r\nhost: ${host}\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\n` +
    `anthropic-version: 2023-06-01\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.from(head + body);
}

const REQUEST = kind === 'idle' ? Buffer.alloc(0) : request();
const slow = new Set<Socket>();
let started = 0;
let connecting = 0;

function startMore(): void {
  while (started < COUNT && connecting < CONNECTING_MAX) start(started++);
}

function start(index: number): void {
  const { hostname, port } = new URL(url);
  let state: 'waiting' | 'open' | 'done' = 'waiting';
  const move = (to: 'open' | 'done'): void => {
    if (state !== 'done') count[state]--;
    state = to;
    if (to === 'open') count.open++;
  };
  connecting++;
  let waits = true;
  const connected = (): void => {
    if (waits) connecting--;
    waits = false;
    startMore();
  };
  const socket = connect({ port: Number(port), host: hostname, localAddress: `127.0.0.${2 + (index % SOURCES)}` });
  socket.once('connect', () => {
    count.connected++;
    if (REQUEST.length > 0) socket.write(REQUEST);
    else move('open');
    connected();
  });
  socket.on('data', (chunk) => {
    count.bytes += chunk.length;
    if (state === 'waiting') {
      const status = chunk.toString('latin1', 9, 12);
      if (status === '200' && kind !== 'body') {
        move('open');
      } else {
        move('done');
        count.answered[status] = (count.answered[status] ?? 0) + 1;
        socket.destroy();
      }
    }
    if (kind === 'slow') {
      socket.pause();
      slow.add(socket);
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    slow.delete(socket);
    if (waits) count.refused++;
    if (state === 'open' && kind !== 'idle') count.brokeOff++;
    if (state !== 'done') {
      move('done');
      count.closed++;
    }
    connected();
  });
}

setInterval(() => {
  for (const socket of slow) socket.resume();
  slow.clear();
}, SLOW_EVERY_MS);
setInterval(() => process.stdout.write(`${JSON.stringify(count)}\n`), REPORT_MS);
process.stdin.on('end', () => process.exit(0)).resume();
startMore();
