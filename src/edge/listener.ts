/**
 * The data port of one front, plain or TLS. Every front listens on the same address itself (SO_REUSEPORT), so the kernel spreads
 * connections and no front depends on another. Connections beyond the bound are closed as soon as they are accepted, before
 * anything is read or a handshake is made: an accept that fails for want of descriptors would be tried again and again.
 *
 * Closing order: `stop` closes the listening socket only, because `close` ends open streams at once; `close` comes when they are
 * done. A thread that exits with an open app aborts the process. Front thread only.
 */
import { C, type CounterRow } from '#meter/counters.ts';
import { copyHead, type ForwardFilter, type Head } from './head.ts';
import { SOCKET_PATHS } from './routes.ts';
import { Upgrade, type UpgradeData } from './upgrade.ts';
import {
  App,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  type WebSocket,
  type WebSocketBehavior,
} from './uws.ts';

const HEALTH_PATH = '/healthz';
/** A message that is longer than may be, but not by more than this, is told so: one beyond, the server closes without a word. */
const MESSAGE_MARGIN_BYTES = 256 * 1024;

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** '' when the key is not encrypted. */
  readonly passphrase: string;
}

export interface ListenerOptions {
  /** Null listens without TLS. */
  readonly tls: TlsFiles | null;
  readonly connectionsMax: number;
  /** Of a WebSocket; 0 takes none. */
  readonly messageBytesMax: number;
  readonly counters: CounterRow;
  readonly mayForward: ForwardFilter;
  /** `upgrade`: it asks for a WebSocket at a path that may have one. */
  onRequest(res: HttpResponse, head: Head, upgrade: Upgrade | null): void;
  /** A connection had to be turned away. Called for every one. */
  onFull(): void;
}

export class Listener {
  readonly #app: TemplatedApp;
  readonly #options: ListenerOptions;
  #connections = 0;
  #socket: us_listen_socket | null = null;

  /** Throws when the certificate or its key cannot be used. */
  constructor(options: ListenerOptions) {
    const { tls, mayForward } = options;
    this.#options = options;
    this.#app = tls === null ? App() : SSLApp(appOptions(tls));
    const health = (res: HttpResponse): void => {
      res.writeHeader('content-type', 'application/json').end('{"status":"ok"}');
    };
    this.#app.filter((res, count) => this.#count(res, count));
    this.#app.get(HEALTH_PATH, health);
    this.#app.head(HEALTH_PATH, (res) => {
      res.endWithoutBody();
    });
    for (const path of SOCKET_PATHS) this.#app.ws(path, this.#webSockets(options));
    this.#app.any('/*', (res, req) => options.onRequest(res, copyHead(req, mayForward), null));
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

  /** Time and backpressure are the channels' own affair. */
  #webSockets({ messageBytesMax, mayForward, onRequest }: ListenerOptions): WebSocketBehavior<UpgradeData> {
    const channelOf = (socket: WebSocket<UpgradeData>) => socket.getUserData().channel;
    return {
      maxPayloadLength: messageBytesMax + MESSAGE_MARGIN_BYTES,
      idleTimeout: 0,
      sendPingsAutomatically: false,
      maxBackpressure: 0,
      upgrade: (res, req, context) => onRequest(res, copyHead(req, mayForward), new Upgrade(res, req, context)),
      open: (socket) => channelOf(socket).opened(socket),
      message: (socket, message, isBinary) => channelOf(socket).received(message, isBinary),
      drain: (socket) => channelOf(socket).drained(),
      ping: (socket) => channelOf(socket).heard(),
      pong: (socket) => channelOf(socket).heard(),
      close: (socket) => {
        // The server's filter is not told of the end of what was upgraded.
        this.#gone();
        channelOf(socket).closed();
      },
    };
  }

  /** The server calls this for each connection: 1 when it is accepted, −1 when it is gone, the refused ones included. */
  #count(res: HttpResponse, count: number): void {
    const { counters, connectionsMax, onFull } = this.#options;
    if (count < 0) return this.#gone();
    this.#connections++;
    counters.add(C.connectionsOpened);
    if (this.#connections <= connectionsMax) return;
    counters.add(C.connectionsRefused);
    res.close();
    onFull();
  }

  #gone(): void {
    this.#connections--;
    this.#options.counters.add(C.connectionsClosed);
  }
}

function appOptions({ certFile, keyFile, passphrase }: TlsFiles) {
  const files = { cert_file_name: certFile, key_file_name: keyFile };
  return passphrase === '' ? files : { ...files, passphrase };
}
