/**
 * The keep-alive connections of one front to one origin, taken from a stack, so that the warmest is used first and taking one costs
 * the same among ten or ten thousand. When all allowed ones are busy it answers `null` and the caller waits in our queue.
 *
 *   idle (stack)  ◄──give──┐
 *      │ take              │ attempt ended
 *      └──────────► busy ──┘
 *
 * A connection that ends while idle stays on the stack until it is met or trimmed. Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import type { BusyConnections } from './busy-connections.ts';
import type { Target } from './target.ts';
import { type ConnectionEvents, UpstreamConnection } from './upstream-connection.ts';
import { UpstreamOrigin } from './upstream-origin.ts';

export type Origin = Pick<Target, 'origin' | 'ca' | 'address'>;

export interface OriginLimits {
  connectTimeoutMs: number;
  keepAliveMs: number;
  connectionsPerOrigin: number;
  prewarm: number;
}

interface Idle {
  readonly connection: UpstreamConnection;
  readonly untilMs: number;
}

export class OriginPool implements ConnectionEvents {
  readonly origin: UpstreamOrigin;
  readonly #limits: OriginLimits;
  readonly #counters: CounterRow;
  readonly #all: BusyConnections;
  readonly #idle: Idle[] = [];
  /** Connections opened ahead of need that are not there yet. */
  readonly #prewarming = new Set<UpstreamConnection>();
  #busy = 0;
  #closed = false;

  constructor(target: Origin, limits: OriginLimits, counters: CounterRow, all: BusyConnections) {
    this.origin = new UpstreamOrigin(target.origin, target.ca, target.address);
    this.#limits = limits;
    this.#counters = counters;
    this.#all = all;
    for (let i = 0; i < Math.min(limits.prewarm, limits.connectionsPerOrigin); i++) this.#prewarming.add(this.#open());
  }

  /** A connection for one attempt, or null when all allowed ones are busy. */
  take(): UpstreamConnection | null {
    const idle = this.#takeIdle();
    if (idle === null) return this.#busy < this.#limits.connectionsPerOrigin ? this.#open() : this.#takePrewarming();
    this.#hold(idle);
    return idle;
  }

  /** A connection that nobody has used yet; one of the idle ones makes room for it where that is needed. */
  takeFresh(): UpstreamConnection | null {
    if (this.#busy >= this.#limits.connectionsPerOrigin) return null;
    if (this.#busy + this.#idle.length >= this.#limits.connectionsPerOrigin) this.#idle.shift()?.connection.destroy();
    return this.#open();
  }

  /** Gives a connection back after its attempt; one that cannot be used again is closed. */
  give(connection: UpstreamConnection, now: number): void {
    this.#busy--;
    this.#all.remove(connection);
    if (this.#closed || !connection.reusable) return connection.destroy();
    const keepMs = Math.min(this.#limits.keepAliveMs, connection.keepAliveMs);
    if (keepMs <= 0) return connection.destroy();
    this.#idle.push({ connection, untilMs: now + keepMs });
  }

  /** Closes connections that nobody has used for long. */
  trim(now: number): void {
    const kept = this.#idle.filter(({ connection, untilMs }) => !connection.dead && now < untilMs);
    for (const { connection, untilMs } of this.#idle) if (now >= untilMs) connection.destroy();
    this.#idle.splice(0, this.#idle.length, ...kept);
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of this.#idle.splice(0)) connection.destroy();
    for (const connection of this.#prewarming) connection.destroy();
  }

  onConnected(connection: UpstreamConnection): void {
    this.#counters.add(C.upstreamConnects);
    if (this.#prewarming.delete(connection)) this.give(connection, nowMs());
  }

  /** A failure to connect ahead of need shows at first use. */
  onDead(connection: UpstreamConnection): void {
    if (this.#prewarming.delete(connection)) this.give(connection, nowMs());
  }

  #takeIdle(): UpstreamConnection | null {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.connection.dead) continue;
      if (nowMs() < idle.untilMs) return idle.connection;
      idle.connection.destroy();
    }
    return null;
  }

  /** One that is still connecting serves the attempt as soon as it is there. */
  #takePrewarming(): UpstreamConnection | null {
    for (const connection of this.#prewarming) {
      this.#prewarming.delete(connection);
      return connection;
    }
    return null;
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(this.origin, this.#limits.connectTimeoutMs, this);
    this.#hold(connection);
    return connection;
  }

  #hold(connection: UpstreamConnection): void {
    this.#busy++;
    this.#all.add(connection);
  }
}
