/**
 * The forwarder that most would write: node:http in front, `undici` dispatch behind, nothing between. A process of its own; prints its
 * port, ends when its standard input does.
 *
 *   node http-forwarder.ts UPSTREAM_URL [CA_FILE]
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';

/** Below the ten seconds after which the mock closes an idle connection. */
const KEEP_ALIVE_MS = 8_000;

const [upstream = '', caFile = ''] = process.argv.slice(2);
const connect = caFile === '' ? {} : { connect: { ca: readFileSync(caFile, 'utf8') } };
const pool = new Pool(upstream, { connections: 16_384, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS, ...connect });

const HOP_BY_HOP = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'expect']);

let complained = false;

/** Once: an upstream may fail on purpose. */
function complain(error: Error): void {
  if (!complained) process.stderr.write(`http-forwarder: ${error.message} (told once)\n`);
  complained = true;
}

class Forward implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    const kept: Record<string, string> = {};
    for (const name in headers) if (!HOP_BY_HOP.has(name)) kept[name] = String(headers[name]);
    this.#response.writeHead(status, kept);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#response.write(chunk);
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    complain(error);
    this.#response.destroy();
  }
}

function forwardedHeaders(request: IncomingMessage): string[] {
  const headers: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!.toLowerCase();
    if (!HOP_BY_HOP.has(name)) headers.push(name, request.rawHeaders[i + 1]!);
  }
  return headers;
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const method = request.method as Dispatcher.HttpMethod;
    const options = { path: request.url ?? '/', method, headers: forwardedHeaders(request), body };
    pool.dispatch(options, new Forward(response));
  });
});
server.keepAliveTimeout = 60_000;
server.listen({ host: '127.0.0.1', port: 0, backlog: 16_384 }, () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`),
);

process.stdin.on('end', () => process.exit(0)).resume();
