/**
 * Connections to lend, each to one user at a time, in the order in which they asked. A connection lives until its first error, whatever
 * that was: it is destroyed then, and the next user opens a new one. So no state is ever carried over a fault, and PostgreSQL undoes what
 * was half done.
 *
 *   wait for a place ──► an idle connection, or a new one ──► work ──► idle
 *         └ too long: error          └ error ◄── destroyed ◄──┘ any error, or silence for too long
 */
import { SingleConnection, type SingleConnectionOptions } from './single-connection.ts';

/** The server's own limit ends a statement first, and says why. */
const LATER_MS = 1000;
const CLOSED = 'the connections to PostgreSQL are closed';

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export interface ConnectionPoolOptions extends SingleConnectionOptions {
  /** At most. */
  connections: number;
}

export class ConnectionPool {
  readonly #url: string;
  readonly #options: ConnectionPoolOptions;
  readonly #idle: SingleConnection[] = [];
  readonly #lent = new Set<SingleConnection>();
  readonly #waiting: Waiting[] = [];
  #places: number;
  #closed = false;
  #brokenOff = false;
  #left: () => void = () => {};

  constructor(url: string, options: ConnectionPoolOptions) {
    this.#url = url;
    this.#options = options;
    this.#places = options.connections;
  }

  /**
   * The value of `work`, which is given up when `silenceMs` pass without a `heard()`. Throws what went wrong, also when no connection
   * comes free in the time of a statement.
   */
  async lend<T>(
    work: (connection: SingleConnection, heard: () => void) => Promise<T>,
    silenceMs = this.#options.statementTimeoutMs,
  ): Promise<T> {
    await this.#place();
    try {
      const connection = await this.#connection();
      try {
        const value = await connection.within(silenceMs + LATER_MS, (heard) => work(connection, heard));
        this.#keep(connection);
        return value;
      } catch (error) {
        connection.destroy();
        throw error;
      } finally {
        this.#lent.delete(connection);
      }
    } finally {
      this.#leave();
    }
  }

  /** Lends nothing from now on; what is lent may go on for so long. */
  async end(graceMs: number): Promise<void> {
    this.#closed = true;
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(new Error(CLOSED));
    }
    for (const connection of this.#idle.splice(0)) connection.destroy();
    if (this.#places === this.#options.connections) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#left = () => {
        if (this.#places < this.#options.connections) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#brokenOff = true;
    for (const connection of this.#lent) connection.destroy();
  }

  async #place(): Promise<void> {
    if (this.#closed) throw new Error(CLOSED);
    if (this.#places > 0) {
      this.#places--;
      return;
    }
    const waitMs = this.#options.statementTimeoutMs;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new Error(`no connection to PostgreSQL came free within ${waitMs} ms`));
      }, waitMs);
      const waiting = { resolve, reject, timer };
      this.#waiting.push(waiting);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#places++;
      return this.#left();
    }
    clearTimeout(next.timer);
    next.resolve();
  }

  async #connection(): Promise<SingleConnection> {
    while (this.#idle.length > 0) {
      const connection = this.#idle.pop()!;
      if (!connection.usable) continue;
      this.#lent.add(connection);
      return connection;
    }
    const connection = await SingleConnection.open(this.#url, this.#options);
    if (this.#brokenOff) {
      connection.destroy();
      throw new Error(CLOSED);
    }
    this.#lent.add(connection);
    return connection;
  }

  #keep(connection: SingleConnection): void {
    if (this.#closed) connection.destroy();
    else if (connection.usable) this.#idle.push(connection);
  }
}
