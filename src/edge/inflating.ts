/**
 * The decoding part of an exchange whose body came compressed: turns at it, waits and their bounds. It begins when the body is whole and
 * its key is known, so that neither a stranger nor a slow sender ever holds a decoder. Part of the lifecycle; front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { readCoding } from '#base/codings.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import { BodyInflation, type InflationOwner } from './body-inflation.ts';
import type { BodyReader } from './body-reader.ts';
import type { Exchange } from './exchange.ts';
import { InflateTurns } from './inflate-turns.ts';
import type { Parts } from './parts.ts';

/** Where the lifecycle goes on. */
export interface InflatingExits {
  /** The body is decoded. */
  readable(exchange: Exchange): void;
  refuse(exchange: Exchange, refusal: Refusal): void;
}

export class Inflating {
  readonly #parts: Parts;
  readonly #exits: InflatingExits;
  readonly #turns: InflateTurns;

  constructor(parts: Parts, exits: InflatingExits) {
    this.#parts = parts;
    this.#exits = exits;
    this.#turns = new InflateTurns(parts.config.edge.inflatingMax, parts.config.limits.bodyWaiters);
  }

  /** A body that is not compressed goes on at once, and so does a message: the head of its WebSocket says nothing of it. */
  start(exchange: Exchange): void {
    const { bodyRoom, config } = this.#parts;
    const coding = readCoding(exchange.head.contentEncoding) ?? 'identity';
    const isPlain = exchange.channel !== null || exchange.body!.length === 0;
    if (coding === 'identity' || isPlain) return this.#exits.readable(exchange);
    exchange.stage = 'inflating';
    const received = exchange.body!;
    const bytesMax = config.limits.bodyBytesMax;
    const options = { coding, received, room: bodyRoom, turns: this.#turns, bytesMax };
    exchange.inflation = new BodyInflation(options, this.#ownerOf(exchange));
    exchange.inflation.start();
  }

  sweep(exchange: Exchange, now: number): void {
    const { bodyTotalMs, bodyWaitMs } = this.#parts.config.edge;
    if (exchange.bodyWaitsSinceMs > 0) {
      if (now - exchange.bodyWaitsSinceMs > bodyWaitMs) this.#exits.refuse(exchange, refuse('body_budget_exhausted'));
    } else if (now - exchange.startedAtMs - exchange.bodyWaitedMs > bodyTotalMs)
      this.#exits.refuse(exchange, refuse('body_timeout'));
  }

  #ownerOf(exchange: Exchange): InflationOwner {
    return {
      onInflationWaits: () => this.#waits(exchange),
      onInflationRuns: () => this.#runs(exchange),
      onInflated: (body) => this.#inflated(exchange, body),
      onInflationRefused: (refusal) => this.#exits.refuse(exchange, refusal),
    };
  }

  #waits(exchange: Exchange): void {
    if (exchange.bodyWaitsSinceMs > 0) return;
    this.#parts.counters.add(C.bodyWaits);
    exchange.bodyWaitsSinceMs = nowMs();
  }

  #runs(exchange: Exchange): void {
    exchange.bodyWaitedMs += nowMs() - exchange.bodyWaitsSinceMs;
    exchange.bodyWaitsSinceMs = 0;
  }

  #inflated(exchange: Exchange, body: BodyReader): void {
    exchange.inflation = null;
    exchange.body!.release(true);
    exchange.body = body;
    this.#exits.readable(exchange);
  }
}
