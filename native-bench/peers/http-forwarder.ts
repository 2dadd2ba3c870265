/**
 * The forwarder that most would write: node:http in front, `undici` dispatch behind, nothing between. A process of its own; prints its
 * port, ends when its standard input does.
 *
 *   node http-forwarder.ts UPSTREAM_URL [CA_FILE]
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dispatcher } from 'undici';
import { complain, HOP_BY_HOP, poolOf } from './forwarder-upstream.ts';

const pool = poolOf(process.argv.slice(2));

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
    complain('http-forwarder', error);
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
