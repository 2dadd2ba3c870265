/**
 * The data port of one front. Every front listens on the same address itself (SO_REUSEPORT), so the kernel spreads connections and no
 * front depends on another.
 *
 * Closing order: `stop` closes the listening socket only, because `close` ends open streams at once; `close` comes when they are
 * done. A thread that exits with an open app aborts the process. Front thread only.
 */
import { copyHead, type ForwardFilter, type Head } from './head.ts';
import { App, type HttpResponse, type us_listen_socket, us_listen_socket_close } from './uws.ts';

const HEALTH_PATH = '/healthz';

export class Listener {
  readonly #app = App();
  #socket: us_listen_socket | null = null;
  #connections = 0;

  constructor(mayForward: ForwardFilter, onRequest: (res: HttpResponse, head: Head) => void) {
    this.#app.filter((_res, change) => this.#count(change));
    const health = (res: HttpResponse): void => {
      res.writeHeader('content-type', 'application/json').end('{"status":"ok"}');
    };
    this.#app.get(HEALTH_PATH, health);
    this.#app.head(HEALTH_PATH, (res) => {
      res.endWithoutBody();
    });
    this.#app.any('/*', (res, req) => onRequest(res, copyHead(req, mayForward)));
  }

  #count(change: number): void {
    this.#connections += change;
  }

  get listening(): boolean {
    return this.#socket !== null;
  }

  /** Open connections, idle ones included. */
  get connections(): number {
    return this.#connections;
  }

  /** `port` is a number, never 0: the server shares only a port that it is given. Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#app.listen(host, port, (socket) => {
        if (socket === false) return reject(new Error(`cannot listen on ${host}:${port}`));
        this.#socket = socket;
        resolve();
      });
    });
  }

  /** No new connections; open ones go on. */
  stop(): void {
    if (this.#socket !== null) us_listen_socket_close(this.#socket);
    this.#socket = null;
  }

  /** Ends every connection. */
  close(): void {
    this.#socket = null;
    this.#app.close();
  }
}
