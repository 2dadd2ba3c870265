/**
 * Follows the catalog's notifications on a connection of its own. A half-open connection would be silent for minutes, so it notifies
 * itself every 300 ms on a private channel; a second without that echo is a lost connection.
 *
 *   listening ──1 s without echo, or an error──► lost: onLive(false) ──pause──► connect ──► LISTEN ──► onLive(true) ──► listening
 *                                                        ▲─────────── fails ◄─────┘
 *
 * What was notified meanwhile is gone: after onLive(true) the caller loads everything anew. Primary only.
 */
import { randomBytes } from 'node:crypto';
import { Backoff } from '#base/backoff.ts';
import { nowMs } from '#base/clock.ts';
import { SingleConnection } from './single-connection.ts';

const CHANNEL = 'penstock_catalog';
const ECHO_EVERY_MS = 300;
const ECHO_LATE_MS = 1000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2000;

/** `keyHashes`: keys whose cached principals are wrong now; empty stands for all; absent for none. */
export interface CatalogChange {
  table: 'keys' | 'users' | 'groups' | 'accounts' | 'account_groups';
  id: number;
  keyHashes?: string[];
}

export interface CatalogHandlers {
  onChange(change: CatalogChange): void;
  /** Not called for the first connection. */
  onLive(live: boolean): void;
}

export interface CatalogListener {
  readonly live: boolean;
  close(): void;
}

/** Resolves once it listens; throws when it cannot at the first try. */
export async function listenCatalog(url: string, handlers: CatalogHandlers): Promise<CatalogListener> {
  const listener = new Listener(url, handlers);
  await listener.connect();
  return listener;
}

class Listener implements CatalogListener {
  readonly #url: string;
  readonly #handlers: CatalogHandlers;
  readonly #pulse = `penstock_pulse_${randomBytes(8).toString('hex')}`;
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  readonly #heart: NodeJS.Timeout;
  #connection: SingleConnection | null = null;
  #echoAtMs = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string, handlers: CatalogHandlers) {
    this.#url = url;
    this.#handlers = handlers;
    this.#heart = setInterval(() => this.#beat(), ECHO_EVERY_MS);
  }

  get live(): boolean {
    return this.#connection !== null;
  }

  async connect(): Promise<void> {
    try {
      await this.#listen();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#heart);
    clearTimeout(this.#retry);
    this.#connection?.destroy();
    this.#connection = null;
  }

  async #listen(): Promise<void> {
    const connection = await SingleConnection.open(this.#url, {
      connectTimeoutMs: ECHO_LATE_MS,
      statementTimeoutMs: ECHO_LATE_MS,
      applicationName: 'penstock catalog',
      onNotify: (channel, payload) => this.#heard(channel, payload),
    });
    try {
      await connection.within(ECHO_LATE_MS, () => connection.sql.unsafe(`listen ${CHANNEL}; listen ${this.#pulse}`));
    } catch (error) {
      connection.destroy();
      throw error;
    }
    if (this.#closed) return connection.destroy();
    this.#echoAtMs = nowMs();
    this.#connection = connection;
    this.#backoff.reset();
  }

  #heard(channel: string, payload: string): void {
    this.#echoAtMs = nowMs();
    if (channel === CHANNEL && !this.#closed) this.#handlers.onChange(JSON.parse(payload) as CatalogChange);
  }

  #beat(): void {
    const connection = this.#connection;
    if (connection === null) return;
    if (!connection.usable || nowMs() - this.#echoAtMs > ECHO_LATE_MS) return this.#lose(connection);
    connection.sql.unsafe(`notify ${this.#pulse}`).catch(() => this.#lose(connection));
  }

  #lose(connection: SingleConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    connection.destroy();
    this.#handlers.onLive(false);
    this.#reconnectSoon();
  }

  #reconnectSoon(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#listen().then(
        () => this.#closed || this.#handlers.onLive(true),
        () => this.#reconnectSoon(),
      );
    }, this.#backoff.nextMs());
  }
}
