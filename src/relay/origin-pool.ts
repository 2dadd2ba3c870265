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
import { Client } from 'undici';
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';

export interface OriginLimits {
  connectTimeoutMs: number;
  keepAliveMs: number;
  connectionsPerOrigin: number;
  prewarm: number;
}

interface Idle {
  readonly client: Client;
  readonly sinceMs: number;
}

export class OriginPool {
  readonly #origin: string;
  readonly #limits: OriginLimits;
  readonly #counters: CounterRow;
  readonly #idle: Idle[] = [];
  #busy = 0;
  #closed = false;

  constructor(origin: string, limits: OriginLimits, counters: CounterRow) {
    this.#origin = origin;
    this.#limits = limits;
    this.#counters = counters;
    for (let i = 0; i < limits.prewarm; i++) this.#prewarm();
  }

  get size(): number {
    return this.#idle.length + this.#busy;
  }

  /** A connection for one attempt, or null when all allowed ones are busy. */
  take(): Client | null {
    const idle = this.#idle.pop();
    if (idle === undefined && this.#busy >= this.#limits.connectionsPerOrigin) return null;
    this.#busy++;
    return idle?.client ?? this.#make();
  }

  /** Gives a connection back after its attempt; one that was destroyed is dropped. */
  give(client: Client, now: number): void {
    this.#busy--;
    if (client.destroyed || client.closed) return;
    if (this.#closed) return void client.close();
    this.#idle.push({ client, sinceMs: now });
  }

  /** Closes connections that nobody has used for long, the coldest first, down to what is kept warm. */
  trim(now: number): void {
    let cold = 0;
    const spare = this.#idle.length - this.#limits.prewarm;
    while (cold < spare && now - this.#idle[cold]!.sinceMs > this.#limits.keepAliveMs) cold++;
    for (const { client } of this.#idle.splice(0, cold)) void client.close();
  }

  close(): void {
    this.#closed = true;
    for (const { client } of this.#idle.splice(0)) void client.close();
  }

  #make(): Client {
    const client = new Client(this.#origin, {
      connect: { timeout: this.#limits.connectTimeoutMs, rejectUnauthorized: true },
      keepAliveTimeout: this.#limits.keepAliveMs,
      keepAliveMaxTimeout: this.#limits.keepAliveMs,
      pipelining: 1,
      allowH2: false,
    });
    client.on('connect', () => this.#counters.add(C.upstreamConnects));
    return client;
  }

  /** Opens a connection ahead of need with a request that every HTTP server answers somehow; failures show at first use. */
  #prewarm(): void {
    const client = this.#make();
    this.#busy++;
    const done = (): void => this.give(client, nowMs());
    client.dispatch(
      { path: '/', method: 'HEAD', headersTimeout: this.#limits.connectTimeoutMs },
      { onResponseEnd: done, onResponseError: done },
    );
  }
}
