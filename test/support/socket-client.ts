/** A client of the gateway's WebSocket: keeps every message and how the connection ended. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import { KEY } from './gateway.ts';
import { waitFor, within } from './wait-for.ts';

export interface SocketCall extends ClientOptions {
  path?: string;
  /** '' sends none. */
  key?: string;
}

export type Message = Record<string, unknown> & {
  type: string;
  status?: number;
  error?: { code: string; message: string };
};

const TERMINAL = ['response.completed', 'response.incomplete', 'response.failed', 'error'];

export class SocketClient {
  readonly messages: Message[] = [];
  readonly texts: string[] = [];
  /** Null while the connection is open. */
  closed: { code: number; reason: string } | null = null;
  pings = 0;
  readonly socket: WebSocket;
  /** Of the 101. */
  readonly headers: IncomingHttpHeaders;

  private constructor(socket: WebSocket, headers: IncomingHttpHeaders) {
    this.socket = socket;
    this.headers = headers;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      assert.ok(!isBinary, 'messages are texts');
      this.texts.push(data.toString('utf8'));
      this.messages.push(JSON.parse(data.toString('utf8')));
    });
    socket.on('ping', () => this.pings++);
    socket.on('error', () => {});
    socket.on('close', (code: number, reason: Buffer) => {
      this.closed = { code, reason: reason.toString('utf8') };
    });
  }

  static async open(base: string, call: SocketCall = {}): Promise<SocketClient> {
    const socket = connect(base, call);
    let headers: IncomingHttpHeaders = {};
    socket.once('upgrade', (response: IncomingMessage) => {
      headers = response.headers;
    });
    const client = new Promise<SocketClient>((resolve, reject) => {
      socket.once('open', () => resolve(new SocketClient(socket, headers)));
      socket.once('error', reject);
    });
    return within('a WebSocket', 10_000, client);
  }

  get front(): string {
    return String(this.headers['x-penstock-front']);
  }

  create(fields: object = {}): void {
    this.sendText(JSON.stringify({ type: 'response.create', model: 'gpt-5', input: 'hi', ...fields }));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** Events that ended a response so far. */
  get ended(): Message[] {
    return this.messages.filter(({ type }) => TERMINAL.includes(type));
  }

  /** Sends a request and waits for the event that ends its answer. */
  async turn(fields: object = {}): Promise<Message> {
    const before = this.ended.length;
    this.create(fields);
    return waitFor('the end of a turn', () => this.ended[before]);
  }

  async sees(type: string, count = 1): Promise<void> {
    await waitFor(`${count} × ${type}`, () => this.messages.filter((message) => message.type === type).length >= count);
  }

  async end(): Promise<{ code: number; reason: string }> {
    return waitFor('the end of the WebSocket', () => this.closed);
  }

  async close(): Promise<void> {
    if (this.closed !== null) return;
    this.socket.close();
    await this.end();
  }

  /** Without a close frame. */
  terminate(): void {
    this.socket.terminate();
  }
}

function connect(base: string, { path = '/v1/responses', key = KEY, headers, ...options }: SocketCall): WebSocket {
  const credential = key === '' ? {} : { authorization: `Bearer ${key}` };
  return new WebSocket(base.replace(/^http/, 'ws') + path, {
    headers: { 'openai-beta': 'responses_websockets=2026-02-06', ...credential, ...headers },
    ...options,
  });
}

/** Status, headers and body of a handshake that is refused. */
export async function refusedHandshake(
  base: string,
  call: SocketCall,
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
  const socket = connect(base, call);
  socket.on('error', () => {});
  const [, response] = (await within('a refusal', 10_000, once(socket, 'unexpected-response'))) as [
    unknown,
    IncomingMessage,
  ];
  let body = '';
  for await (const chunk of response) body += chunk;
  socket.terminate();
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
