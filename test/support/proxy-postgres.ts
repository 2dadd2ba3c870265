/**
 * A TCP proxy before a PostgreSQL that shows a test what passes and can cut a connection at that moment: how a lost answer to COMMIT,
 * or a network that breaks in a chosen phase of a batch, is provoked. It can also let everything wait for a while: a slow PostgreSQL.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'to server' | 'to client';

/** How the client learns of a cut. */
export type Cut = 'end' | 'reset';

/** Called with everything that passes; `cut` ends both sides and drops these bytes. */
export type Watcher = (direction: Direction, bytes: Buffer, cut: (how?: Cut) => void) => void;

export class PostgresProxy {
  readonly url: string;
  /** Replaced by tests at will. */
  watch: Watcher = () => {};
  /** Everything that passes waits so long, in each direction. May be changed while connections are open. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(databaseUrl: string): Promise<PostgresProxy> {
    const url = new URL(databaseUrl);
    const target = { host: url.hostname, port: Number(url.port) };
    const server = createServer((client) => proxy.#join(client, connect(target)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const proxy = new PostgresProxy(server, url.href);
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket, server: Socket): void {
    const both = [client, server];
    const end = (): void => {
      for (const socket of both) socket.destroy();
    };
    const cut = (how?: Cut): void => {
      if (how === 'reset') client.resetAndDestroy();
      end();
    };
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    const [up, down] = [new Lane(server), new Lane(client)];
    client.on('data', (bytes) => this.#pass('to server', bytes, up, cut));
    server.on('data', (bytes) => this.#pass('to client', bytes, down, cut));
  }

  #pass(direction: Direction, bytes: Buffer, to: Lane, cut: (how?: Cut) => void): void {
    let dropped = false;
    this.watch(direction, bytes, (how) => {
      dropped = true;
      cut(how);
    });
    if (!dropped) to.pass(bytes, this.delayMs);
  }
}

/** One direction of one connection: bytes leave in the order in which they came, each after its delay. */
class Lane {
  readonly #to: Socket;
  readonly #waiting: { dueMs: number; bytes: Buffer }[] = [];

  constructor(to: Socket) {
    this.#to = to;
  }

  pass(bytes: Buffer, delayMs: number): void {
    if (delayMs === 0 && this.#waiting.length === 0) return void this.#to.write(bytes);
    this.#waiting.push({ dueMs: performance.now() + delayMs, bytes });
    if (this.#waiting.length === 1) this.#wait();
  }

  #wait(): void {
    const next = this.#waiting[0];
    if (next === undefined) return;
    setTimeout(
      () => {
        this.#waiting.shift();
        if (!this.#to.destroyed) this.#to.write(next.bytes);
        this.#wait();
      },
      Math.max(0, next.dueMs - performance.now()),
    );
  }
}
