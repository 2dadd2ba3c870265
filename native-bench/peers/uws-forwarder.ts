/**
 * The bare forwarder that sets the floor for JavaScript: uWebSockets.js in front, `undici` dispatch behind, nothing between
 * (no authentication, no admission, no metering). A process of its own; prints its port, ends when its standard input does.
 *
 *   node uws-forwarder.ts UPSTREAM_URL [CA_FILE]
 */
import { readFileSync } from 'node:fs';
import { type Dispatcher, Pool } from 'undici';
import { App, type HttpResponse, us_socket_local_port } from '../rig/uws.ts';

/** Below the ten seconds after which the mock closes an idle connection. */
const KEEP_ALIVE_MS = 8_000;

const [upstream = '', caFile = ''] = process.argv.slice(2);
const connect = caFile === '' ? {} : { connect: { ca: readFileSync(caFile, 'utf8') } };
const pool = new Pool(upstream, { connections: 16_384, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS, ...connect });

const HOP_BY_HOP = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'expect']);

let complained = false;

/** Once: an upstream may fail on purpose. */
function complain(error: Error): void {
  if (!complained) process.stderr.write(`uws-forwarder: ${error.message} (told once)\n`);
  complained = true;
}

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
    complain(error);
    if (!this.aborted) this.#response.close();
  }
}

const app = App();

app.any('/*', (response, request) => {
  const path = request.getUrl();
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
