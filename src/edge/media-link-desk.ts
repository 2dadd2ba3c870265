/**
 * Serves what a media job made to whoever has its signed link: primary says which account has it, then it is relayed like any other answer,
 * with that account's credential, which nobody sees, and under its limits. Part of the lifecycle; front thread only.
 */
import { isGoodMediaLink } from '#auth/media-link.ts';
import { nowMs, wallMs } from '#base/clock.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { planOfAccount } from '#schedule/plan.ts';
import { NO_FACTS } from '#wire/facts.ts';
import type { Exchange } from './exchange.ts';
import type { FoundMedia } from './media-ties.ts';
import type { Parts } from './parts.ts';

export interface LinkExits {
  schedule(exchange: Exchange): void;
  refuse(exchange: Exchange, refusal: Refusal): void;
}

export class MediaLinkDesk {
  readonly #parts: Parts;
  readonly #exits: LinkExits;
  readonly #asked = new Map<number, Exchange>();
  #questions = 0;

  constructor(parts: Parts, exits: LinkExits) {
    this.#parts = parts;
    this.#exits = exits;
    parts.media.onFound = (id, found) => this.#answered(id, found);
  }

  /** The signature is all the authentication there is. */
  open(exchange: Exchange): Refusal | null {
    const { media } = this.#parts;
    const { named } = exchange.route;
    if (!isGoodMediaLink(media.linkKey, named, exchange.head.query, wallMs() / 1000)) return refuse('link_invalid');
    exchange.stage = 'job';
    exchange.waitingSinceMs = nowMs();
    const id = ++this.#questions;
    this.#asked.set(id, exchange);
    media.find(id, named);
    return null;
  }

  /** One that nobody waits for any more stays until its answer comes, which is always. */
  sweep(exchange: Exchange, now: number): void {
    if (!exchange.operation.linked || now - exchange.waitingSinceMs < this.#parts.config.auth.lookupTimeoutMs) return;
    this.#exits.refuse(exchange, refuse('jobs_unavailable'));
  }

  #answered(id: number, found: FoundMedia): void {
    const exchange = this.#asked.get(id);
    this.#asked.delete(id);
    if (exchange === undefined || exchange.stage !== 'job') return;
    if (found === 'unavailable') return this.#exits.refuse(exchange, refuse('jobs_unavailable'));
    const plan = found === null ? null : planOfAccount(this.#parts.catalog.plans, found.accountId);
    if (found === null || plan === null) return this.#exits.refuse(exchange, refuse('media_unknown'));
    exchange.plan = plan;
    exchange.mediaPlace = found;
    exchange.facts = NO_FACTS;
    exchange.sessionKey = null;
    this.#exits.schedule(exchange);
  }
}
