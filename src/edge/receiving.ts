/**
 * The receiving half of an exchange: takes its body in, lets it wait for room in the shared budget, ends what stalls. Part of the
 * lifecycle; front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import { BodyReader } from './body-reader.ts';
import type { Exchange } from './exchange.ts';
import { Inflating } from './inflating.ts';
import type { Parts } from './parts.ts';
import { tooLarge } from './too-large.ts';
import type { HttpResponse } from './uws.ts';

/** Where the lifecycle goes on. */
export interface ReceivingExits {
  whole(exchange: Exchange): void;
  /** Decoded, if it had to be. */
  readable(exchange: Exchange): void;
  refuse(exchange: Exchange, refusal: Refusal): void;
}

export class Receiving {
  readonly #parts: Parts;
  readonly #exits: ReceivingExits;
  readonly #inflating: Inflating;

  constructor(parts: Parts, exits: ReceivingExits) {
    this.#parts = parts;
    this.#exits = exits;
    this.#inflating = new Inflating(parts, exits);
  }

  /** Takes the body in. After an early refusal the rest is read and dropped, so that the client sees the answer. */
  start(exchange: Exchange, res: HttpResponse): void {
    const { config, bodyRoom } = this.#parts;
    res.onData((chunk, isLast) => {
      if (exchange.stage !== 'receiving') return;
      exchange.lastByteAtMs = nowMs();
      exchange.body ??= new BodyReader(bodyRoom, exchange, config.limits.bodyBytesMax, believedLength(exchange));
      const code = exchange.body.add(new Uint8Array(chunk), isLast);
      if (code === 'waits') return this.#waits(exchange);
      if (code !== null)
        return this.#exits.refuse(
          exchange,
          code === 'body_too_large' ? tooLarge(config.limits.bodyBytesMax) : refuse(code),
        );
      if (isLast) this.#whole(exchange);
    });
  }

  /** The whole body of a turn of a WebSocket. */
  message(exchange: Exchange, message: ArrayBuffer): void {
    exchange.body = new BodyReader(this.#parts.bodyRoom, exchange, message.byteLength, message.byteLength);
    const code = exchange.body.add(new Uint8Array(message), true);
    if (code === 'waits') return this.#waits(exchange);
    if (code !== null) return this.#exits.refuse(exchange, refuse(code));
    this.#whole(exchange);
  }

  /** A body that waited for room has got it. */
  roomFound(exchange: Exchange): void {
    const now = nowMs();
    exchange.bodyWaitedMs += now - exchange.bodyWaitsSinceMs;
    exchange.bodyWaitsSinceMs = 0;
    exchange.lastByteAtMs = now;
    exchange.reply.resumeRequest();
    if (exchange.body!.isWhole) this.#whole(exchange);
  }

  /** Decodes a whole body, if it is compressed. */
  decode(exchange: Exchange): void {
    this.#inflating.start(exchange);
  }

  sweep(exchange: Exchange, now: number): void {
    if (exchange.stage === 'inflating') return this.#inflating.sweep(exchange, now);
    const { bodyStallMs, bodyTotalMs, bodyWaitMs } = this.#parts.config.edge;
    if (exchange.bodyComplete) return;
    if (exchange.bodyWaitsSinceMs > 0) {
      if (now - exchange.bodyWaitsSinceMs > bodyWaitMs) this.#exits.refuse(exchange, refuse('body_budget_exhausted'));
      return;
    }
    const reading = now - exchange.startedAtMs - exchange.bodyWaitedMs;
    const late = now - exchange.lastByteAtMs > bodyStallMs || reading > bodyTotalMs;
    if (late) this.#exits.refuse(exchange, refuse('body_timeout'));
  }

  #whole(exchange: Exchange): void {
    exchange.bodyComplete = true;
    this.#parts.counters.add(C.requestBytes, exchange.body!.length);
    this.#exits.whole(exchange);
  }

  /** There is no room for the body now. A connection with nothing more to send is not paused: a pause would hide its end. */
  #waits(exchange: Exchange): void {
    if (exchange.bodyWaitsSinceMs === 0) this.#parts.counters.add(C.bodyWaits);
    exchange.bodyWaitsSinceMs ||= exchange.lastByteAtMs;
    if (!exchange.body!.isWhole) exchange.reply.pauseRequest();
  }
}

/** A stranger's word takes no room: while the key is being looked up a body grows by what has come, as if it had no length. */
function believedLength({ entry, head }: Exchange): number {
  return entry === null ? -1 : head.contentLength;
}
