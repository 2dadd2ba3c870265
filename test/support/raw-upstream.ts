/**
 * An upstream that speaks bytes: each request is read as far as its script wants, and what the script writes is all that is
 * answered. For answers that no HTTP library would send.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface RawCall {
  socket: Socket;
  /** Which request of its connection this is, from 0. */
  index: number;
}

/** `head`: as soon as the head is there, the body may still be on its way. */
export interface RawScript {
  when: 'head' | 'body';
  answer(call: RawCall): void | Promise<void>;
}

export class RawUpstream {
  connections = 0;
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `script` by the path of the request. */
  static async start(script: (path: string) => RawScript): Promise<RawUpstream> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const upstream = new RawUpstream(server);
    server.on('connection', (socket) => upstream.#serve(socket, script));
    return upstream;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, script: (path: string) => RawScript): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    let index = 0;
    let bytes = Buffer.alloc(0);
    let later: Buffer[] = [];
    let missing = 0;
    let headDone = false;
    const onData = (chunk: Buffer): void => {
      later.push(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      bytes = Buffer.concat([bytes, ...later]);
      later = [];
      while (takeRequest()) index++;
    };
    /** False when there is no whole request any more. */
    const takeRequest = (): boolean => {
      missing = 0;
      const headEnd = bytes.indexOf('\r\n\r\n');
      if (headEnd < 0) return false;
      const head = bytes.toString('latin1', 0, headEnd);
      const end = headEnd + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      const { when, answer } = script(head.split(' ')[1] ?? '');
      if (when === 'head' && !headDone) {
        headDone = true;
        socket.pause();
        void answer({ socket, index });
      }
      missing = end - bytes.length;
      if (missing > 0) return false;
      bytes = bytes.subarray(end);
      headDone = false;
      if (when === 'body') void answer({ socket, index });
      return true;
    };
    socket.on('data', onData);
  }
}
