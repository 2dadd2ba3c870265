/**
 * Kept-alive connections of a load driver, plain sockets, up to a bound: each carries one request at a time, the one used last is used
 * first. A request whose reused connection was closed under it before a byte of the answer is sent again, as every client does. In the
 * driver's process.
 */
import { connect, type Socket } from 'node:net';
import { AnswerParser, type AnswerSink } from './answer-parser.ts';

export interface Exchange extends AnswerSink {
  /** Wrong on the wire: no answer, or half of one. */
  onBroken(why: string): void;
}

export interface PoolOptions {
  url: string;
  connectionsMax: number;
  /** Exchange number → its request on the wire. */
  request(index: number): Buffer;
}

interface Waiting {
  index: number;
  exchange: Exchange;
}

export class DriverPool {
  readonly #options: PoolOptions;
  readonly #host: string;
  readonly #port: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: Waiting[] = [];
  #open = 0;
  #closed = false;
  /** Sent once more on a fresh connection. */
  resent = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { hostname, port } = new URL(options.url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** False: every connection is taken, and the exchange waits for one. */
  start(index: number, exchange: Exchange): boolean {
    const connection = this.#idle.pop() ?? this.#another();
    if (connection === null) {
      this.#waiting.push({ index, exchange });
      return false;
    }
    connection.send(index, this.#options.request(index), exchange);
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  #another(): Connection | null {
    if (this.#open >= this.#options.connectionsMax) return null;
    this.#open++;
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    return new Connection(socket, {
      free: (connection) => this.#free(connection),
      gone: (connection) => this.#gone(connection),
      resend: (index, exchange) => {
        this.resent++;
        this.start(index, exchange);
      },
    });
  }

  #free(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next !== undefined) connection.send(next.index, this.#options.request(next.index), next.exchange);
    else if (this.#closed) connection.destroy();
    else this.#idle.push(connection);
  }

  #gone(connection: Connection): void {
    this.#open--;
    const place = this.#idle.indexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
    const next = this.#waiting.shift();
    if (next !== undefined) this.start(next.index, next.exchange);
  }
}

interface ConnectionOwner {
  free(connection: Connection): void;
  gone(connection: Connection): void;
  resend(index: number, exchange: Exchange): void;
}

class Connection {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser: AnswerParser;
  #index = -1;
  #exchange: Exchange | null = null;
  #answered = 0;
  #sawBytes = false;
  #why = 'the connection was closed before the end of the answer';

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#parser = new AnswerParser({
      onHead: (status) => this.#exchange?.onHead(status),
      onBody: (bytes) => this.#exchange?.onBody(bytes),
      onEnd: () => this.#ended(),
    });
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', (error) => {
      this.#why = error.message;
    });
    socket.on('close', () => this.#close());
  }

  send(index: number, request: Buffer, exchange: Exchange): void {
    this.#index = index;
    this.#exchange = exchange;
    this.#sawBytes = false;
    this.#socket.write(request);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#sawBytes = true;
    try {
      this.#parser.push(bytes);
    } catch (error) {
      this.#why = (error as Error).message;
      this.#socket.destroy();
    }
  }

  #ended(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#answered++;
    exchange?.onEnd();
    if (this.#parser.keepsAlive) this.#owner.free(this);
    else this.#socket.destroy();
  }

  #close(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#owner.gone(this);
    if (exchange === null) return;
    if (this.#answered > 0 && !this.#sawBytes) this.#owner.resend(this.#index, exchange);
    else exchange.onBroken(this.#why);
  }
}
