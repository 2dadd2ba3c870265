/**
 * A TCP proxy before a PostgreSQL that shows a test what passes and can cut a connection at that moment: how a lost answer to COMMIT,
 * or a network that breaks in a chosen phase of a batch, is provoked.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'to server' | 'to client';

/** Called with everything that passes; `cut` ends both sides and drops these bytes. */
export type Watcher = (direction: Direction, bytes: Buffer, cut: () => void) => void;

export class PostgresProxy {
  readonly url: string;
  /** Replaced by tests at will. */
  watch: Watcher = () => {};
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
    const cut = (): void => {
      for (const socket of both) socket.destroy();
    };
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', cut);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (bytes) => this.#pass('to server', bytes, server, cut));
    server.on('data', (bytes) => this.#pass('to client', bytes, client, cut));
  }

  #pass(direction: Direction, bytes: Buffer, to: Socket, cut: () => void): void {
    let dropped = false;
    this.watch(direction, bytes, () => {
      dropped = true;
      cut();
    });
    if (!dropped) to.write(bytes);
  }
}
