/**
 * The scripted WebSocket upstream of the behaviour tests: speaks Responses as its script says, can refuse, stall, break off, and keeps
 * what it received and how many connections it had.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';

/** One message of a client: a turn. */
export interface Turn {
  index: number;
  /** Counts from 0 over all connections; and the turn's place on its own. */
  connection: number;
  turnOfConnection: number;
  headers: IncomingHttpHeaders;
  url: string;
  text: string;
  body: Record<string, unknown>;
}

/** What to do with one turn; everything left out is an ordinary whole answer. */
export interface TurnPlan {
  /** Exactly these messages; buffers are sent as binary. */
  messages?: (string | Buffer)[];
  paceMs?: number;
  /** Break the answer once so many messages have been sent. */
  breakAt?: number;
  /** `cut`: the TCP connection ends. `close`: with a close frame. `stall`: silence until the other side leaves. */
  breakHow?: 'cut' | 'close' | 'stall';
  /** The break waits for this: for its reader to have a part of the answer. */
  breakAfter?: AbortSignal;
  /** Nothing is answered before this signal. */
  holdUntil?: AbortSignal;
}

export interface ResponseUsage {
  input: number;
  cached: number;
  output: number;
}

/** The events of one whole response. */
export function responseEvents(id: string, usage: ResponseUsage | null, texts: string[] = ['hello']): string[] {
  const head = { id, object: 'response', model: 'gpt-5', status: 'in_progress' };
  const counts = usage && {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: usage.input + usage.output,
  };
  let sequence = 0;
  const event = (type: string, fields: object): string =>
    JSON.stringify({ type, sequence_number: sequence++, ...fields });
  return [
    event('response.created', { response: head }),
    event('response.in_progress', { response: head }),
    ...texts.map((delta) => event('response.output_text.delta', { item_id: 'msg_1', output_index: 0, delta })),
    event('response.completed', { response: { ...head, status: 'completed', output: [], usage: counts } }),
  ];
}

export class SocketUpstream {
  /** Replaced by tests at will. */
  plan: (turn: Turn) => TurnPlan = () => ({});
  /** Status with which a handshake is refused; null takes it. */
  refuse: (url: string) => { status: number; headers?: Record<string, string> } | null = () => null;
  readonly received: Turn[] = [];
  /** Messages sent in answer to each turn, in full. */
  readonly sent: string[][] = [];
  readonly sockets: WebSocket[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #wss = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #raw = new Set<Socket>();
  readonly #leave = new AbortController();

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    server.on('connection', (socket: Socket) => {
      this.#raw.add(socket);
      socket.on('close', () => this.#raw.delete(socket));
      socket.on('error', () => {});
    });
    server.on('request', (_request, response) =>
      response.writeHead(404).end('{"error":{"message":"only WebSockets"}}'),
    );
    server.on('upgrade', (request, socket: Socket, head) => {
      const refusal = this.refuse(request.url ?? '');
      if (refusal !== null) {
        const lines = Object.entries(refusal.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.end(`HTTP/1.1 ${refusal.status} No\r\n${lines.join('')}content-length: 0\r\nconnection: close\r\n\r\n`);
        return;
      }
      this.#wss.handleUpgrade(request, socket, head, (ws) => this.#serve(ws, request.url ?? '', request.headers));
    });
  }

  static async start(options: { tls?: string } = {}): Promise<SocketUpstream> {
    const pem = options.tls === undefined ? null : readFileSync(new URL(options.tls, import.meta.url));
    const server = pem === null ? createServer() : (createTlsServer({ cert: pem, key: pem }) as unknown as Server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new SocketUpstream(server, `${pem === null ? 'http' : 'https'}://127.0.0.1:${port}`);
  }

  /** WebSockets open now. */
  get open(): number {
    return this.sockets.filter(({ readyState }) => readyState === 1).length;
  }

  async close(): Promise<void> {
    this.#leave.abort();
    for (const socket of this.sockets) socket.terminate();
    for (const socket of this.#raw) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(ws: WebSocket, url: string, headers: IncomingHttpHeaders): void {
    const connection = this.sockets.push(ws) - 1;
    let turnOfConnection = 0;
    ws.on('error', () => {});
    ws.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      const index = this.received.length;
      const turn = {
        index,
        connection,
        turnOfConnection: turnOfConnection++,
        headers,
        url,
        text,
        body: JSON.parse(text),
      };
      this.received.push(turn);
      this.#answer(ws, turn).catch(() => {});
    });
  }

  async #answer(ws: WebSocket, turn: Turn): Promise<void> {
    const plan = this.plan(turn);
    const messages = plan.messages ?? responseEvents(`resp_${turn.index}`, { input: 100, cached: 40, output: 7 });
    const sent: string[] = [];
    this.sent[turn.index] = sent;
    await this.#hold(plan.holdUntil);
    for (const [at, message] of messages.entries()) {
      if (at === plan.breakAt) return this.#break(ws, plan);
      if (plan.paceMs !== undefined) await sleep(plan.paceMs, undefined, { signal: this.#leave.signal });
      ws.send(message);
      sent.push(message.toString());
    }
    if (plan.breakAt === messages.length) await this.#break(ws, plan);
  }

  async #hold(signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined || signal.aborted) return;
    await Promise.race([once(signal, 'abort'), once(this.#leave.signal, 'abort')]);
  }

  async #break(ws: WebSocket, { breakHow: how = 'cut', breakAfter }: TurnPlan): Promise<void> {
    await this.#hold(breakAfter);
    if (how === 'cut') ws.terminate();
    else if (how === 'close') ws.close(1012, 'restarting');
  }
}
