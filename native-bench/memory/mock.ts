/**
 * The upstream of the memory scenarios, a process of its own. What it does is named by `metadata.user_id`, which comes first in the
 * body: `endless` streams as fast as it is read, `held` begins a stream and then only pings, `json` answers whole. Prints its port,
 * ends when its standard input does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A crowd connects at once. */
const BACKLOG = 16_384;
const PING_MS = 5_000;
const JSON_AFTER_MS = 200;
const USAGE = { input_tokens: 25, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 };
const MESSAGE = {
  id: 'msg_memory',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  content: [],
  usage: USAGE,
};

function frame(event: { type: string; [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const OPENING =
  frame({ type: 'message_start', message: { ...MESSAGE, stop_reason: null } }) +
  frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
const DELTA = frame({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text: 'water '.repeat(170) },
});
const ENDLESS = Buffer.from(DELTA.repeat(16));
const PING = frame({ type: 'ping' });
const JSON_BODY = JSON.stringify({ ...MESSAGE, content: [{ type: 'text', text: 'ok' }], stop_reason: 'end_turn' });

const held = new Set<ServerResponse>();
setInterval(() => {
  for (const response of held) response.write(PING);
}, PING_MS);

const server = createServer((request, response) => {
  let kind = '';
  request.on('data', (chunk: Buffer) => {
    if (kind === '') kind = /"user_id":"([a-z]+)"/.exec(chunk.toString('latin1', 0, 200))?.[1] ?? 'json';
  });
  request.on('end', () => answer(kind, request, response));
});

function answer(kind: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'POST') return void response.writeHead(404).end();
  response.on('close', () => held.delete(response));
  response.on('error', () => {});
  if (kind === 'json') {
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON_BODY), JSON_AFTER_MS);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(OPENING + DELTA);
  if (kind === 'held') held.add(response);
  else pour(response);
}

/** Writes for as long as there is room, one piece a turn, so that others are accepted meanwhile. */
function pour(response: ServerResponse): void {
  if (response.destroyed) return;
  if (response.write(ENDLESS)) setImmediate(() => pour(response));
  else response.once('drain', () => pour(response));
}

server.keepAliveTimeout = 60_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`),
);
process.stdin.on('end', () => process.exit(0)).resume();
