/**
 * How the relay of an answer ends: whole, with the upstream's own error, broken off, or not at all, because another account serves. Part of
 * the lifecycle; front thread only.
 */
import { type FailureCode, refuse } from '#failure/registry.ts';
import { ResponsesMessageTap } from '#meter/responses-message-tap.ts';
import { breakStream, breakStreamWith, endBehindError } from './answers.ts';
import type { Exchange } from './exchange.ts';
import { learnServed } from './learn.ts';
import type { Parts } from './parts.ts';
import type { RelayingExits } from './relaying-exits.ts';
import { isCommitted } from './sent-body.ts';
import { dropTransform, unsee } from './unsee.ts';

export class Endings {
  readonly #parts: Parts;
  readonly #exits: RelayingExits;

  constructor(parts: Parts, exits: RelayingExits) {
    this.#parts = parts;
    this.#exits = exits;
  }

  /** The upstream has ended its answer. */
  end(exchange: Exchange): void {
    const { tap } = exchange;
    if (tap !== null && !tap.terminal && !tap.errorEvent) return this.broken(exchange, 'upstream_broken');
    if (!this.#endTransform(exchange)) return;
    if (tap?.errorEvent) this.#endWithErrorEvent(exchange);
    else this.#complete(exchange);
  }

  /** The stream's last event has come, its end has not. */
  completeEnded(exchange: Exchange): void {
    if (this.#endTransform(exchange)) this.#complete(exchange);
  }

  /** What a transform has kept leaves. False: the exchange has ended another way. */
  #endTransform(exchange: Exchange): boolean {
    const { transform } = exchange;
    if (transform === null) return true;
    const piece = transform.end();
    if (transform.failure !== null) {
      this.breakOff(exchange, transform.failure);
      return false;
    }
    if (piece !== null) this.forward(exchange, piece);
    if (exchange.stage === 'settled') return false;
    if (transform.outcome !== 'whole') {
      this.broken(exchange, 'upstream_broken');
      return false;
    }
    dropTransform(exchange);
    return true;
  }

  /** The client gets the end of its answer once its record is in the ring; in journaled mode once it is on disk. */
  #complete(exchange: Exchange): void {
    if (exchange.tap instanceof ResponsesMessageTap && exchange.tap.nothingServed) exchange.billable = false;
    learnServed(this.#parts, exchange);
    this.#exits.end(exchange, 'completed');
    if (exchange.hold === null) exchange.reply.finish();
    else this.#parts.durable!.hold(exchange);
  }

  /** No client takes such an answer for complete. */
  #endWithErrorEvent(exchange: Exchange): void {
    this.#exits.end(exchange, 'interrupted');
    exchange.hold?.letGo();
    exchange.reply.finish();
  }

  /** The client was told an error in the middle of a crossed stream. Over a WebSocket that ends its turn, and the connection stays. */
  #endBehindError(exchange: Exchange): void {
    exchange.hold?.letGo();
    if (exchange.channel === null) endBehindError(exchange);
    else exchange.reply.finish();
    this.#exits.end(exchange, 'interrupted');
  }

  /** The caller's stream had begun with pings, and the upstream answered with something that is no stream: an error may be told as an event. */
  lateError(exchange: Exchange): void {
    if (exchange.billable) {
      if (!exchange.tap!.errorEvent) return this.breakOff(exchange, 'upstream_broken');
      unsee(this.#parts, exchange);
    }
    breakStreamWith(exchange, Buffer.concat(exchange.lateError!));
    this.#exits.end(exchange, 'completed');
  }

  forward(exchange: Exchange, piece: Uint8Array): void {
    if (exchange.hold === null) exchange.reply.push(piece);
    else if (!exchange.hold.push(piece)) this.#noRoom(exchange);
  }

  /** The end of the answer cannot be kept back, so the client must not get it: like a reader that is too slow. */
  #noRoom(exchange: Exchange): void {
    exchange.hold!.drop();
    exchange.reply.abandon();
    exchange.onReplyEnded(false);
  }

  /** The account is to blame, and nothing of its answer has left for the client. */
  failed(exchange: Exchange, code: FailureCode): void {
    if (exchange.stage === 'draining') return this.#exits.end(exchange, exchange.leftAs);
    this.#exits.failover(exchange, refuse(code));
  }

  /** The answer broke off: another account may serve as long as no byte of it has left for the client. */
  broken(exchange: Exchange, code: FailureCode): void {
    if (isCommitted(exchange)) return this.breakOff(exchange, code);
    unsee(this.#parts, exchange);
    this.failed(exchange, code);
  }

  /** Ends the exchange for good, so that no client takes a part for the whole; what was forwarded is billed. */
  breakOff(exchange: Exchange, code: FailureCode): void {
    const { reply } = exchange;
    if (!reply.begun || exchange.firstByteAtMs === 0) unsee(this.#parts, exchange);
    if (!exchange.billable) return this.#exits.refuse(exchange, refuse(code));
    if (exchange.transform?.outcome === 'failed') return this.#endBehindError(exchange);
    exchange.hold?.drop();
    if (exchange.streaming) breakStream(exchange, refuse(code));
    else reply.abandon();
    this.#exits.end(exchange, 'interrupted');
  }
}
