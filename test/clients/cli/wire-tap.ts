/**
 * A relay between a client and the gateway that changes no byte and no ending, and keeps what went either way: the requests as the client
 * made them, each beside what it was answered. On loopback.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { type HttpMessage, readMessages } from './http-messages.ts';

export interface TappedExchange {
  method: string;
  path: string;
  request: HttpMessage;
  /** Null: the connection ended without an answer. */
  status: number | null;
  answer: HttpMessage | null;
  /** In how many reads the answers of its connection came. */
  reads: number;
}

interface Connection {
  sent: Buffer[];
  got: Buffer[];
}

export class WireTap {
  readonly url: string;
  readonly #server: Server;
  readonly #connections: Connection[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, target: URL) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    server.on('connection', (client: Socket) => this.#join(client, target));
  }

  static async start(targetUrl: string): Promise<WireTap> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireTap(server, (server.address() as AddressInfo).port, new URL(targetUrl));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** What has passed since the last call, connection by connection; of connections that are still open too. */
  take(): TappedExchange[] {
    return this.#connections.splice(0).flatMap(exchangesOf);
  }

  #join(client: Socket, target: URL): void {
    const connection: Connection = { sent: [], got: [] };
    this.#connections.push(connection);
    const gateway = dial({ host: target.hostname, port: Number(target.port), allowHalfOpen: true, noDelay: true });
    this.#carry(client, gateway, connection.sent);
    this.#carry(gateway, client, connection.got);
  }

  /** An orderly end stays one, and a reset a reset. */
  #carry(from: Socket, to: Socket, kept: Buffer[]): void {
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      kept.push(chunk);
      if (!to.destroyed && !to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => this.#sockets.delete(from));
  }
}

function exchangesOf({ sent, got }: Connection): TappedExchange[] {
  const requests = readMessages(Buffer.concat(sent), () => false);
  const methods = requests.map(({ start }) => start.split(' ')[0] ?? '');
  const answers = readMessages(Buffer.concat(got), (index) => methods[index] === 'HEAD');
  const upgraded = answers.findIndex(({ start }) => start.split(' ')[1] === '101');
  const count = upgraded < 0 ? requests.length : upgraded + 1;
  return requests.slice(0, count).map((request, i) => {
    const answer = answers[i] ?? null;
    const status = answer === null ? null : Number(answer.start.split(' ')[1]);
    return { method: methods[i]!, path: request.start.split(' ')[1] ?? '', request, status, answer, reads: got.length };
  });
}
