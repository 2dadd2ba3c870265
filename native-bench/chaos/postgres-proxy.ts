/**
 * A proxy between the gateway and PostgreSQL that can stop the usage-writer's transaction at a chosen message: everything up to and
 * including that message has gone through, nothing after it does until `release`.
 *
 *   writer ──begin, fence──► COPY ──data──► insert, commit ──► │ proxy │ ──► PostgreSQL
 *                                                 ◄── COMMIT ──┘
 *
 * Message framing: PostgreSQL 18 documentation, "Message Flow" and "Message Formats": one type byte, then a 32-bit length that counts
 * itself; the first message of a connection has no type byte.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../test/support/free-port.ts';

/** Where a transaction is stopped: after this message of the writer, or before PostgreSQL's answer to the commit gets through. */
export type Phase = 'begin' | 'copy' | 'insert' | 'commit' | 'committed';
export const PHASES: readonly Phase[] = ['begin', 'copy', 'insert', 'commit', 'committed'];

const WRITER = 'penstock usage-writer';
const SSL_REQUEST = 80_877_103;
const QUERY = 'Q'.charCodeAt(0);
const PARSE = 'P'.charCodeAt(0);
const COPY_DATA = 'd'.charCodeAt(0);
const COMMAND_COMPLETE = 'C'.charCodeAt(0);

export class PostgresProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #target: URL;
  readonly #links = new Set<Link>();
  #armed: { phase: Phase; hit: () => void } | null = null;

  private constructor(server: Server, target: URL, port: number) {
    this.#server = server;
    this.#target = target;
    const url = new URL(target);
    url.port = String(port);
    this.url = url.href;
    server.on('connection', (socket) => this.#link(socket));
  }

  static async start(targetUrl: string): Promise<PostgresProxy> {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new PostgresProxy(server, new URL(targetUrl), port);
  }

  /** Resolves when the writer's next transaction has reached `phase`; its connection stands still then. */
  reach(phase: Phase): Promise<void> {
    return new Promise((resolve) => {
      this.#armed = { phase, hit: resolve };
    });
  }

  /** Lets everything through again that was held. */
  release(): void {
    this.#armed = null;
    for (const link of this.#links) link.release();
  }

  /** Cuts the connections that are held: what they held is lost. */
  cut(): void {
    for (const link of this.#links) if (link.held) link.end();
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.end();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** True once: the transaction stops here. */
  readonly #stopsAt = (phase: Phase): boolean => {
    if (this.#armed?.phase !== phase) return false;
    const { hit } = this.#armed;
    this.#armed = null;
    hit();
    return true;
  };

  #link(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname);
    const link = new Link(client, server, this.#stopsAt);
    this.#links.add(link);
    client.once('close', () => this.#links.delete(link));
  }
}

/** One connection through the proxy. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #stopsAt: (phase: Phase) => boolean;
  /** Nothing goes through in either direction. */
  held = false;
  #isWriter = false;
  #started = false;
  /** Bytes of each side that have not gone through: a message that is not whole, or everything while held. */
  #toServer: Buffer = Buffer.alloc(0);
  #toClient: Buffer = Buffer.alloc(0);

  constructor(client: Socket, server: Socket, stopsAt: (phase: Phase) => boolean) {
    this.#client = client;
    this.#server = server;
    this.#stopsAt = stopsAt;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.end());
    }
    client.on('data', (chunk) => {
      this.#toServer = Buffer.concat([this.#toServer, chunk]);
      this.#forward();
    });
    server.on('data', (chunk) => {
      this.#toClient = Buffer.concat([this.#toClient, chunk]);
      this.#backward();
    });
  }

  end(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  release(): void {
    this.held = false;
    this.#forward();
    this.#backward();
  }

  #forward(): void {
    while (!this.held) {
      const message = this.#take(this.#toServer, this.#started);
      if (message === null) return;
      this.#toServer = this.#toServer.subarray(message.length);
      if (!this.#started && message.readUInt32BE(4) === SSL_REQUEST) {
        this.#client.write('N');
        continue;
      }
      if (!this.#started) this.#isWriter = message.includes(WRITER);
      this.#server.write(message);
      const phase = this.#started && this.#isWriter ? phaseOf(message) : null;
      this.#started = true;
      if (phase !== null) this.held = this.#stopsAt(phase);
    }
  }

  #backward(): void {
    while (!this.held) {
      const message = this.#isWriter ? this.#take(this.#toClient, true) : this.#toClient;
      if (message === null || message.length === 0) return;
      this.held = this.#isWriter && isCommitted(message) && this.#stopsAt('committed');
      if (this.held) return;
      this.#toClient = this.#toClient.subarray(message.length);
      this.#client.write(message);
    }
  }

  /** The first whole message; null when more bytes are needed. */
  #take(bytes: Buffer, typed: boolean): Buffer | null {
    const head = typed ? 1 : 0;
    if (bytes.length < head + 4) return null;
    const length = head + bytes.readUInt32BE(head);
    return bytes.length < length ? null : bytes.subarray(0, length);
  }
}

function phaseOf(message: Buffer): Phase | null {
  const type = message[0];
  if (type === COPY_DATA) return 'copy';
  if (type !== QUERY && type !== PARSE) return null;
  const text = message.toString('latin1', 5, 400).toLowerCase();
  if (text.startsWith('begin')) return 'begin';
  if (text.startsWith('commit')) return 'commit';
  return text.includes('insert into usage_logs') ? 'insert' : null;
}

function isCommitted(message: Buffer): boolean {
  return message[0] === COMMAND_COMPLETE && message.toString('latin1', 5, message.length - 1) === 'COMMIT';
}
