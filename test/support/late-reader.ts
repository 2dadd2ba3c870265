/**
 * An upstream that answers before it has read the request: head and first events at once, the body only when the test says so, the
 * end of the answer when the test says so too. Shows whether a body is given up before it has left the gateway.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { streamFrames } from './anthropic-answer.ts';

/** One request whose answer has begun. */
export interface LateCall {
  /** Reads the whole body; its SHA-256. */
  readBody(): Promise<string>;
  /** Sends the rest of the answer. */
  finish(): void;
}

const USAGE = { inputTokens: 5, outputTokens: 7, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };

export class LateReader {
  readonly url: string;
  readonly calls: LateCall[] = [];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, url: string, status: number) {
    this.#server = server;
    this.url = url;
    server.on('request', (request, response) => this.#serve(request, response, status));
  }

  /** With a `status` it refuses every request at once, and reads its body only when the test says so. */
  static async start(tls: boolean, status = 200): Promise<LateReader> {
    const pem = readFileSync(new URL('./self-signed.pem', import.meta.url));
    const server = tls ? createTlsServer({ key: pem, cert: pem }) : createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new LateReader(
      server as ReturnType<typeof createServer>,
      `http${tls ? 's' : ''}://127.0.0.1:${port}`,
      status,
    );
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse, status: number): void {
    if (request.method !== 'POST') return void response.writeHead(404).end();
    const shape = {
      id: 'msg_late',
      model: 'late',
      usage: USAGE,
      events: 6,
      eventChars: 20,
      thinking: false,
      tool: false,
    };
    const frames = streamFrames(shape);
    response.writeHead(status, { 'content-type': status === 200 ? 'text/event-stream' : 'application/json' });
    if (status === 200) for (const frame of frames.slice(0, 3)) response.write(frame);
    else response.flushHeaders();
    this.calls.push({
      readBody: async () => {
        const hash = createHash('sha256');
        for await (const chunk of request as AsyncIterable<Buffer>) hash.update(chunk);
        return hash.digest('hex');
      },
      finish: () => response.end(Buffer.concat(frames.slice(3))),
    });
  }
}
