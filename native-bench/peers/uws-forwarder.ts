/**
 * The bare forwarder that sets the floor for JavaScript: uWebSockets.js in front, `undici` dispatch behind, nothing between
 * (no authentication, no admission, no metering). A process of its own; prints its port, ends when its standard input does.
 *
 *   node uws-forwarder.ts UPSTREAM_URL [CA_FILE]
 */
import type { Dispatcher } from 'undici';
import { App, type HttpResponse, us_socket_local_port } from '../rig/uws.ts';
import { complain, HOP_BY_HOP, poolOf } from './forwarder-upstream.ts';

const pool = poolOf(process.argv.slice(2));

class Forward implements Dispatcher.DispatchHandler {
  readonly #response: HttpResponse;
  aborted = false;

  constructor(response: HttpResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    if (this.aborted) return;
    this.#response.cork(() => {
      this.#response.writeStatus(String(status));
      for (const name in headers) {
        if (!HOP_BY_HOP.has(name)) this.#response.writeHeader(name, String(headers[name]));
      }
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.aborted) this.#response.cork(() => this.#response.write(chunk));
  }

  onResponseEnd(): void {
    if (!this.aborted) this.#response.cork(() => this.#response.end());
  }

  onResponseError(_controller: unknown, error: Error): void {
    complain('uws-forwarder', error);
    if (!this.aborted) this.#response.close();
  }
}

const app = App();

app.any('/*', (response, request) => {
  const query = request.getQuery();
  const path = query ? `${request.getUrl()}?${query}` : request.getUrl();
  const method = request.getMethod().toUpperCase();
  const headers: string[] = [];
  request.forEach((name, value) => {
    if (!HOP_BY_HOP.has(name)) headers.push(name, value);
  });
  const forward = new Forward(response);
  response.onAborted(() => {
    forward.aborted = true;
  });
  const chunks: Buffer[] = [];
  response.onData((chunk, last) => {
    chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (!last || forward.aborted) return;
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    pool.dispatch({ path, method: method as Dispatcher.HttpMethod, headers, body }, forward);
  });
});

app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('no port for the forwarder');
  process.stdout.write(`${us_socket_local_port(socket)}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
