/**
 * How much money to set aside before a request goes upstream. An upper guess, corrected when the answer is settled; runs on front
 * threads; pure.
 *
 *   input  = ⌈text bytes / 2.5⌉ + 1,000 × tools tokens, at the dearest way they can be charged: as input, or where the request marks cache
 *            breakpoints as a cache write
 *   output = min(max_tokens, budget.outputReserveTokens) tokens
 *   media  = the items and seconds that were asked for, where a request says them
 *
 * 2.5 is what Anthropic's model overview gives as characters a token for its current tokenizer (the one before: 3.4), and bytes
 * are never fewer than characters. Tool definitions are not in the text bytes; 1,000 tokens is a long one. Not in it: sound, images and
 * documents, searches, and output beyond the reserve; by these a balance can go below zero, once, by what was in flight (ARCHITECTURE.md
 * states the bound).
 */
import { zeroCounts } from '#wire/token-counts.ts';
import { cost, ratesFor } from './cost.ts';
import type { Price } from './prices.ts';

const TOKENS_PER_TOOL = 1000;

/** The part of the request's facts (`wire/facts.ts`) that the reserve depends on. */
export interface ReserveFacts {
  textBytes: number;
  toolsCount: number;
  maxTokens: number | null;
  cacheMarkers: number;
  /** Images or videos asked for, and seconds of video over all of them. */
  mediaItems?: number;
  mediaSeconds?: number;
}

/** Input tokens to expect of a request. */
export function estimateInputTokens(facts: Pick<ReserveFacts, 'textBytes' | 'toolsCount'>): number {
  return Math.ceil((facts.textBytes * 2) / 5) + facts.toolsCount * TOKENS_PER_TOOL;
}

export interface ReserveRule {
  /** `budget.outputReserveTokens`. */
  outputReserveTokens: number;
  /** The group's rate multiplier in millionths. */
  multiplierMicros: number;
  /** As asked for; what is billed may be another. */
  serviceTier?: string;
}

/** Nano-USD to reserve: what the user would be charged for the estimate. */
export function reserveNano(price: Price, facts: ReserveFacts, rule: ReserveRule): bigint {
  const inputTokens = estimateInputTokens(facts);
  const outputTokens = Math.max(0, Math.min(facts.maxTokens ?? rule.outputReserveTokens, rule.outputReserveTokens));
  const serviceTier = rule.serviceTier ?? '';
  const rates = ratesFor(price, inputTokens, serviceTier);
  const counts = zeroCounts();
  counts.outputTokens = outputTokens;
  counts.mediaItems = facts.mediaItems ?? 0;
  counts.mediaSeconds = facts.mediaSeconds ?? 0;
  const cached = facts.cacheMarkers > 0;
  if (cached && rates.cacheWrite1h > rates.input && rates.cacheWrite1h >= rates.cacheWrite5m) {
    counts.cacheWrite1hTokens = inputTokens;
  } else if (cached && rates.cacheWrite5m > rates.input) counts.cacheWrite5mTokens = inputTokens;
  else counts.inputTokens = inputTokens;
  return cost(counts, price, rule.multiplierMicros, serviceTier).chargedNanoUsd;
}
