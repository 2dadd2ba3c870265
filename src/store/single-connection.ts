/**
 * One PostgreSQL connection with one life: it is never reconnected behind its user's back, and it can be destroyed at any moment,
 * whatever the server does. What postgres.js 3.4.9 lacks for that, found by experiment:
 *
 * - it has no way to abort a connection whose server is silent: the socket is ours, `destroy` ends it;
 * - it reconnects by itself, so that the second half of a transaction would run outside of one: the socket is handed out once;
 * - after a lost connection leftovers of the write buffer stay behind, and the timer that would flush it stays cleared but set, so that
 *   nothing is ever sent again: an instance serves one connection and is thrown away;
 * - its `begin` and `reserve` send on a connection that is closed, outside of any promise, which ends the process: neither is used;
 * - so does a connection that breaks while it fetches the array types: it is told the ones that we use;
 * - a socket that is closed before it has listeners on it is waited for without end: a proxy whose server is away closes that soon;
 * - it never switches Nagle's algorithm off: a COPY of any size took 91 ms, without it 2 ms (1 row) to 37 ms (2,000 rows).
 */
import type net from 'node:net';
import postgres from 'postgres';
import { ARRAY_TYPES } from './array-types.ts';
import { addressOf, connectSocket } from './connect-socket.ts';

const LOST = 'the connection to PostgreSQL is lost';

export interface SingleConnectionOptions {
  connectTimeoutMs: number;
  applicationName: string;
  /** Limits on the server, so that a connection we gave up does not hold locks for ever. */
  statementTimeoutMs: number;
  /** Notifications, when the connection listens. */
  onNotify?: (channel: string, payload: string) => void;
}

export class SingleConnection {
  readonly sql: postgres.Sql;
  readonly #socket: net.Socket;

  private constructor(sql: postgres.Sql, socket: net.Socket) {
    this.sql = sql;
    this.#socket = socket;
  }

  /** Connects and authenticates within `connectTimeoutMs`; throws what went wrong. */
  static async open(url: string, options: SingleConnectionOptions): Promise<SingleConnection> {
    const socket = await connectSocket(url, options.connectTimeoutMs);
    const connection = new SingleConnection(makeInstance(url, socket, options), socket);
    try {
      await connection.within(options.connectTimeoutMs, () => connection.sql.unsafe('select 1'));
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** False once the socket is gone. */
  get usable(): boolean {
    return !this.#socket.destroyed;
  }

  /**
   * The value of `work`; `timeoutMs` after its start, or after the last `heard()`, the connection is destroyed, which rejects whatever
   * still waits for it. A connection that is closed meanwhile, or was, is not waited for.
   */
  async within<T>(timeoutMs: number, work: (heard: () => void) => Promise<T>): Promise<T> {
    let late: NodeJS.Timeout | undefined;
    let closed: () => void = () => {};
    const end = new Promise<never>((_, reject) => {
      late = setTimeout(() => {
        const error = new Error(`PostgreSQL did not answer within ${timeoutMs} ms`);
        reject(error);
        this.destroy(error);
      }, timeoutMs);
      // What postgres.js knows of the reason is rejected first.
      closed = () => void setImmediate(() => reject(new Error(LOST)));
    });
    end.catch(() => {}); // for `work` that throws before anybody waits
    this.#socket.once('close', closed);
    try {
      if (this.#socket.destroyed) closed();
      return await Promise.race([work(() => void late?.refresh()), end]);
    } finally {
      clearTimeout(late);
      this.#socket.off('close', closed);
    }
  }

  /** Ends it at once, from any state. */
  destroy(error?: Error): void {
    this.#socket.destroy(error);
  }
}

function makeInstance(url: string, socket: net.Socket, options: SingleConnectionOptions): postgres.Sql {
  let given = false;
  const settings: postgres.Options<Record<string, never>> & Record<string, unknown> = {
    ...addressOf(url),
    ssl: false, // done below
    max: 1,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: 0, // ours is the deadline; its timer would outlive a connection that is closed too soon
    fetch_types: false,
    types: ARRAY_TYPES as never,
    onnotice: () => {},
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
    },
    socket: () => {
      if (given) throw new Error(LOST);
      given = true;
      return socket;
    },
  };
  if (options.onNotify !== undefined) settings['onnotify'] = options.onNotify;
  return postgres(url, settings);
}
