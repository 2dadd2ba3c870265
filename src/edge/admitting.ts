/**
 * Admission of an exchange: the model must be allowed, served and priced, the books are opened (room for the usage record, the
 * reservation), then the user's place is taken or waited for. Part of the lifecycle; front thread only.
 */
import { openBooks } from '#admit/open-books.ts';
import { authorizeModel } from '#auth/authorize.ts';
import { type FailureCode, type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import { findMediaPrice, mediaCost } from '#meter/media-cost.ts';
import { findPrice, type Price } from '#meter/prices.ts';
import { estimateInputTokens, reserveNano } from '#meter/reserve.ts';
import { findCrossing } from './crossings.ts';
import type { Exchange } from './exchange.ts';
import type { Operation } from './operations.ts';
import * as operations from './operations.ts';
import type { Parts } from './parts.ts';
import type { Scheduling } from './scheduling.ts';
import { checkSockets, isServedByPost } from './socket-turn.ts';

/** A usage record's names are bounded; no real model's name comes near this. */
const MODEL_BYTES_MAX = 128;

/** Whoever may ask one of these of a model may have its requests counted. */
const COUNTED = [operations.MESSAGES, operations.RESPONSES, operations.CHAT, operations.GEMINI_GENERATE];

/** Where the lifecycle goes on. */
export interface AdmittingExits {
  admitted(exchange: Exchange): void;
  /** No account can count, but one serves the model. */
  countHere(exchange: Exchange): void;
  refuse(exchange: Exchange, refusal: Refusal): void;
}

export class Admitting {
  readonly #parts: Parts;
  readonly #scheduling: Scheduling;
  readonly #exits: AdmittingExits;

  constructor(parts: Parts, scheduling: Scheduling, exits: AdmittingExits) {
    this.#parts = parts;
    this.#scheduling = scheduling;
    this.#exits = exits;
  }

  admit(exchange: Exchange): void {
    if (this.#countsHere(exchange)) return this.#exits.countHere(exchange);
    const code = this.#checkModel(exchange) ?? this.#openBooks(exchange);
    if (code === 'balance_exhausted' && this.#parts.lender.open) return this.#borrow(exchange);
    if (code !== null) return this.#exits.refuse(exchange, refuse(code));
    const { userRow } = exchange.entry!.principal;
    const { userSlots, counters } = this.#parts;
    counters.add(C.slotAttempts);
    if (userSlots.tryTake(userRow)) return this.granted(exchange);
    const waiting = this.#scheduling.wait(exchange, userSlots, userRow, false);
    if (waiting === 'full') return this.#exits.refuse(exchange, refuse('user_busy'));
    if (waiting === 'taken') this.granted(exchange);
  }

  /** The user's place has been taken. */
  granted(exchange: Exchange): void {
    exchange.holdsUserSlot = true;
    this.#exits.admitted(exchange);
  }

  /** Another process has taken over, the balance included: it is asked. */
  #borrow(exchange: Exchange): void {
    this.#parts.lender.ask(exchange.entry!.principal.userRow, exchange.reservedNanoUsd, (answer) => {
      if (exchange.stage === 'settled') return;
      if (answer === 'granted') return this.admit(exchange);
      this.#exits.refuse(exchange, refuse(answer === 'late' ? 'draining' : 'balance_exhausted'));
    });
  }

  #countsHere({ operation, entry, model }: Exchange): boolean {
    if (!operation.counts || authorizeModel(entry!, model) !== null) return false;
    const { plans } = this.#parts.catalog;
    const { groupId } = entry!.principal;
    const serves = (servedBy: Operation['servedBy']): boolean =>
      (plans.find(groupId, model, servedBy)?.accounts.length ?? 0) > 0;
    return !serves(operation.servedBy) && COUNTED.some(({ servedBy }) => serves(servedBy));
  }

  #checkModel(exchange: Exchange): FailureCode | null {
    const { operation, model } = exchange;
    const code = authorizeModel(exchange.entry!, model);
    if (code !== null) return code;
    const { groupId } = exchange.entry!.principal;
    const plan = this.#parts.catalog.plans.find(groupId, model, operation.servedBy, operation.overSocket);
    if (plan === undefined || (plan.accounts.length === 0 && !isServedByPost(this.#parts, exchange)))
      return 'model_unknown';
    exchange.plan = plan;
    exchange.crossing = plan.protocol === operation.protocol ? null : findCrossing(operation.protocol, plan.protocol);
    if (!operation.billed) return null;
    exchange.price = Buffer.byteLength(model) > MODEL_BYTES_MAX ? null : this.#findPrice(exchange);
    return exchange.price === null ? 'model_unpriced' : checkSockets(this.#parts, exchange);
  }

  #findPrice({ media, model }: Exchange): Price | null {
    const { prices } = this.#parts;
    return media === null ? findPrice(prices, model) : findMediaPrice(prices, model, media);
  }

  #openBooks(exchange: Exchange): FailureCode | null {
    if (!exchange.operation.billed) return null;
    const { principal } = exchange.entry!;
    exchange.inputTokensEstimated = estimateInputTokens(exchange.facts!);
    const amount = this.#amountFor(exchange, principal.multiplierMicros);
    exchange.reservedNanoUsd = amount;
    const code = openBooks(this.#parts, principal.userRow, amount);
    exchange.booksOpen = code === null;
    return code;
  }

  /** What a picture or a video costs is known; of everything else there is an upper guess. */
  #amountFor({ media, price, facts }: Exchange, multiplierMicros: number): bigint {
    if (media !== null) return mediaCost(price!, media, multiplierMicros).chargedNanoUsd;
    const { outputReserveTokens } = this.#parts.config.budget;
    return reserveNano(price!, facts!, { outputReserveTokens, multiplierMicros });
  }
}
