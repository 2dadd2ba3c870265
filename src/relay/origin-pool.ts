/**
 * The keep-alive connections of one front to one origin: one undici `Client` a connection, taken from a stack, so that the warmest
 * is used first and taking one costs the same among ten or ten thousand. (undici's own Pool walks its clients for each
 * dispatch and queues without bound when all are busy; this one answers `null` and the caller waits in our queue.)
 *
 *   idle (stack)  ◄──give──┐
 *      │ take              │ attempt ended
 *      └──────────► busy ──┘
 *
 * TLS is always verified; there is no switch that turns it off. HTTP/1.1 only. Front thread only.
 */
import type { Socket } from 'node:net';
import { buildConnector, Client } from 'undici';
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';

export interface OriginLimits {
  connectTimeoutMs: number;
  keepAliveMs: number;
  connectionsPerOrigin: number;
  prewarm: number;
}

/** One keep-alive connection: undici's client, and the socket that it has now or had last. */
export interface Connection {
  readonly client: Client;
  socket: Socket | null;
}

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

export class OriginPool {
  readonly #origin: string;
  readonly #limits: OriginLimits;
  readonly #counters: CounterRow;
  readonly #connect: buildConnector.connector;
  readonly #idle: Idle[] = [];
  #busy = 0;
  #closed = false;

  /** `ca`: PEM trusted in place of the public authorities, or null. */
  constructor(origin: string, ca: string | null, limits: OriginLimits, counters: CounterRow) {
    this.#origin = origin;
    this.#limits = limits;
    this.#counters = counters;
    this.#connect = buildConnector({
      timeout: limits.connectTimeoutMs,
      rejectUnauthorized: true,
      allowH2: false,
      ...(ca === null ? {} : { ca }),
    });
    for (let i = 0; i < limits.prewarm; i++) this.#prewarm();
  }

  get size(): number {
    return this.#idle.length + this.#busy;
  }

  /** A connection for one attempt, or null when all allowed ones are busy. */
  take(): Connection | null {
    const idle = this.#idle.pop();
    if (idle === undefined && this.#busy >= this.#limits.connectionsPerOrigin) return null;
    this.#busy++;
    return idle?.connection ?? this.#make();
  }

  /** Gives a connection back after its attempt; one that was destroyed is dropped. */
  give(connection: Connection, now: number): void {
    const { client } = connection;
    this.#busy--;
    if (client.destroyed || client.closed) return;
    if (this.#closed) return void client.close();
    this.#idle.push({ connection, sinceMs: now });
  }

  /** Closes connections that nobody has used for long, the coldest first, down to what is kept warm. */
  trim(now: number): void {
    let cold = 0;
    const spare = this.#idle.length - this.#limits.prewarm;
    while (cold < spare && now - this.#idle[cold]!.sinceMs > this.#limits.keepAliveMs) cold++;
    for (const { connection } of this.#idle.splice(0, cold)) void connection.client.close();
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of this.#idle.splice(0)) void connection.client.close();
  }

  #make(): Connection {
    const client = new Client(this.#origin, {
      connect: (options, callback) =>
        this.#connect(options, (...result) => {
          connection.socket = result[1];
          callback(...result);
        }),
      keepAliveTimeout: this.#limits.keepAliveMs,
      keepAliveMaxTimeout: this.#limits.keepAliveMs,
      pipelining: 1,
      allowH2: false,
    });
    const connection: Connection = { client, socket: null };
    client.on('connect', () => this.#counters.add(C.upstreamConnects));
    return connection;
  }

  /** Opens a connection ahead of need with a request that every HTTP server answers somehow; failures show at first use. */
  #prewarm(): void {
    const connection = this.#make();
    this.#busy++;
    const done = (): void => this.give(connection, nowMs());
    connection.client.dispatch(
      { path: '/', method: 'HEAD', headersTimeout: this.#limits.connectTimeoutMs },
      { onResponseEnd: done, onResponseError: done },
    );
  }
}
