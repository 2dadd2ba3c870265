/**
 * Where the connections of one pool lead and how they are made: plain or TLS sockets whose reads all land in one buffer of the
 * thread. TLS is always verified; there is no switch that turns it off. HTTP/1.1 only. Front thread only.
 */
import { connect, isIP, Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';

const TCP_KEEP_ALIVE_MS = 60_000;

/**
 * What a socket read is here until the callback returns, then the next socket's bytes are: nothing may keep a view of it. 64 KiB is
 * what libuv reads at once.
 */
export const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Told of each read, with the number of bytes now in `readBuffer`. */
export type OnRead = (bytesRead: number) => boolean;

export class UpstreamOrigin {
  readonly isTls: boolean;
  /** The value of the `host` header. */
  readonly hostHeader: string;
  readonly #host: string;
  readonly #address: string;
  readonly #port: number;
  readonly #context: SecureContext | Error | null;
  /** Of the last handshake, so that the next is shorter. */
  #session: Buffer | undefined;

  /** `ca`: PEM trusted in place of the public authorities, or null. `address`: connected to in place of what the name says, or null. */
  constructor(origin: string, ca: string | null, address: string | null = null) {
    const url = new URL(origin);
    this.isTls = url.protocol === 'https:';
    this.hostHeader = url.host;
    this.#host = url.hostname.replace(/^\[|\]$/g, '');
    this.#address = address ?? this.#host;
    this.#port = Number(url.port) || (this.isTls ? 443 : 80);
    this.#context = this.isTls ? makeContext(ca) : null;
  }

  /** Emits `connect`, or `secureConnect` once the upstream has proved who it is. */
  open(onRead: OnRead): Socket {
    const options = {
      host: this.#address,
      port: this.#port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      onread: { buffer: readBuffer, callback: onRead },
    };
    if (this.#context === null) return connect(options);
    return this.#context instanceof Error ? new Socket().destroy(this.#context) : this.#openTls(this.#context, options);
  }

  #openTls(secureContext: SecureContext, options: object): Socket {
    const socket = connectTls({
      ...options,
      secureContext,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      ...(isIP(this.#host) === 0 ? { servername: this.#host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    socket.on('session', (session) => {
      this.#session = session;
    });
    return socket;
  }
}

/** An authority that cannot be read fails the connections of its accounts, not the thread. */
function makeContext(ca: string | null): SecureContext | Error {
  try {
    return createSecureContext(ca === null ? {} : { ca });
  } catch (error) {
    return error as Error;
  }
}
