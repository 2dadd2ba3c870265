/**
 * Whose exchange it is: decided at once when the key is cached, otherwise primary is asked while the body arrives. Part of the lifecycle;
 * front thread only.
 */
import { authorizeKey } from '#auth/authorize.ts';
import { hashKey } from '#auth/key.ts';
import type { KeyAnswer } from '#auth/key-cache.ts';
import { nowMs, wallMs } from '#base/clock.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** Where the lifecycle goes on. */
export interface AuthenticatingExits {
  known(exchange: Exchange): void;
  refuse(exchange: Exchange, refusal: Refusal): void;
}

/** Who is at the other end, as the server says it. */
export interface Peer {
  getRemoteAddressAsText(): ArrayBuffer;
}

export class Authenticating {
  readonly #parts: Parts;
  readonly #exits: AuthenticatingExits;

  constructor(parts: Parts, exits: AuthenticatingExits) {
    this.#parts = parts;
    this.#exits = exits;
  }

  /** Null: it is known now (`exchange.entry`), or `known` is told later. */
  start(exchange: Exchange, peer: Peer): Refusal | null {
    const { keys, counters } = this.#parts;
    if (exchange.head.key === '') return refuse('key_missing');
    const keyHash = hashKey(exchange.head.key);
    const clientIp = (): string => {
      const address = Buffer.from(peer.getRemoteAddressAsText()).toString('latin1');
      return this.#parts.trustedProxies.clientAddress(address, exchange.head.forwardedFor);
    };
    const known = keys.peek(keyHash, nowMs());
    if (known !== null) {
      counters.add(known === 'unknown' ? C.keyNegativeHits : C.keyHits);
      return this.#identify(exchange, known, clientIp);
    }
    counters.add(C.keyLookups);
    const ip = clientIp();
    const asked = keys.load(keyHash, nowMs(), (answer) => this.#answered(exchange, answer, ip));
    return asked ? null : refuse('auth_unavailable');
  }

  #answered(exchange: Exchange, answer: KeyAnswer, clientIp: string): void {
    if (exchange.stage === 'settled') return;
    const refusal = this.#identify(exchange, answer, () => clientIp);
    if (refusal !== null) return this.#exits.refuse(exchange, refusal);
    exchange.body?.believe(exchange.head.contentLength);
    this.#exits.known(exchange);
  }

  #identify(exchange: Exchange, answer: KeyAnswer, clientIp: () => string): Refusal | null {
    if (answer === 'unknown') return refuse('key_unknown');
    if (answer === 'unavailable') return refuse('auth_unavailable');
    if (answer === 'full') return refuse('rows_exhausted');
    const code = authorizeKey(answer, wallMs(), clientIp);
    if (code !== null) return refuse(code);
    // Rows are freed only when no front knows them any more; this read holds that promise to account.
    const { keyHash, userRow, userGeneration } = answer.principal;
    if (this.#parts.userGenerations.current(userRow) !== userGeneration) {
      this.#parts.keys.invalidate([keyHash]);
      return refuse('auth_unavailable');
    }
    exchange.entry = answer;
    return null;
  }
}
