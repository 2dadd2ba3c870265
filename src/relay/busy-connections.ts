/**
 * All connections of one front that connect or serve an exchange, whichever pool they belong to, so that one sweep a few times a
 * second holds all their time limits, also those of pools that were closed. Front thread only.
 */
import type { UpstreamConnection } from './upstream-connection.ts';

export class BusyConnections {
  readonly #connections: UpstreamConnection[] = [];

  get size(): number {
    return this.#connections.length;
  }

  add(connection: UpstreamConnection): void {
    connection.place = this.#connections.length;
    this.#connections.push(connection);
  }

  remove(connection: UpstreamConnection): void {
    const last = this.#connections.pop()!;
    if (last === connection) return;
    this.#connections[connection.place] = last;
    last.place = connection.place;
  }

  /** From the end, because a connection that ends leaves its place to the last one. */
  sweep(now: number): void {
    for (let i = this.#connections.length - 1; i >= 0; i--) this.#connections[i]?.sweep(now);
  }

  /** Breaks off all exchanges. */
  breakOff(): void {
    for (let i = this.#connections.length - 1; i >= 0; i--) this.#connections[i]?.breakOff();
  }
}
