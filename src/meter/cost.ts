/**
 * What an answer costs. Exact integers from end to end: tokens × pico-USD a token are summed exactly, then each of the two
 * amounts is rounded once, half to even. Runs on front threads; pure.
 *
 *   pico     = Σ tokens × rate  +  (searches, items, seconds) × price          pico-USD, exact
 *   cost     = round(pico / 1000)                                              nano-USD
 *   charged  = round(pico × multiplierMicros / 1,000,000,000)                  nano-USD, from the exact sum, not from cost
 *
 * Sums below 2⁵³ pico-USD (9,007 dollars) are exact as doubles and take no bigint; beyond, everything is bigint.
 * Measured by native-bench/micro/cost.ts.
 */
import type { TokenCounts } from '#wire/token-counts.ts';
import type { Price, Rates } from './prices.ts';

const PICO_PER_NANO = 1000;
/** A multiplier of 1. */
export const MICROS_PER_ONE = 1_000_000;
const CHARGE_DIVISOR = 1_000_000_000n;

export interface Cost {
  /** Price of what was used. */
  costNanoUsd: bigint;
  /** The same times the group's multiplier: what the user pays. */
  chargedNanoUsd: bigint;
}

/**
 * `multiplierMicros`: the group's rate multiplier in millionths, a whole number ≥ 0. `serviceTier`: as billed; '' is the ordinary one,
 * which also prices a tier that the model has no rates for.
 */
export function cost(counts: TokenCounts, price: Price, multiplierMicros: number, serviceTier = ''): Cost {
  const rates = ratesFor(price, promptTokens(counts), serviceTier);
  const pico =
    counts.inputTokens * rates.input +
    counts.outputTokens * rates.output +
    counts.cacheReadTokens * rates.cacheRead +
    counts.cacheWrite5mTokens * rates.cacheWrite5m +
    counts.cacheWrite1hTokens * rates.cacheWrite1h +
    counts.audioInputTokens * rates.audioInput +
    counts.audioOutputTokens * rates.audioOutput +
    counts.imageInputTokens * rates.imageInput +
    counts.imageOutputTokens * rates.imageOutput +
    counts.webSearchRequests * price.webSearch +
    counts.mediaItems * price.perItem +
    counts.mediaSeconds * price.perSecond;
  // All terms are ≥ 0, so a sum in the safe range means that every term and partial sum was, and none was rounded.
  if (pico > Number.MAX_SAFE_INTEGER) return chargeOf(exactPico(counts, rates, price), multiplierMicros);
  const costNanoUsd = BigInt(halfToEven(pico, PICO_PER_NANO));
  if (multiplierMicros === MICROS_PER_ONE) return { costNanoUsd, chargedNanoUsd: costNanoUsd };
  const product = pico * multiplierMicros;
  const chargedNanoUsd =
    product <= Number.MAX_SAFE_INTEGER
      ? BigInt(halfToEven(product, 1e9))
      : halfToEvenBig(BigInt(pico) * BigInt(multiplierMicros), CHARGE_DIVISOR);
  return { costNanoUsd, chargedNanoUsd };
}

/** The rates for a prompt of this length, cache reads and writes included, in a service tier. */
export function ratesFor(price: Price, prompt: number, serviceTier = ''): Rates {
  const tier = serviceTier === '' || price.tiers === null ? price : (price.tiers.get(serviceTier) ?? price);
  return tier.longPrompt !== null && prompt > tier.longPrompt.overTokens ? tier.longPrompt : tier;
}

function promptTokens(counts: TokenCounts): number {
  const text = counts.inputTokens + counts.cacheReadTokens + counts.cacheWrite5mTokens + counts.cacheWrite1hTokens;
  return text + counts.audioInputTokens + counts.imageInputTokens;
}

function exactPico(counts: TokenCounts, rates: Rates, price: Price): bigint {
  return (
    product(counts.inputTokens, rates.input) +
    product(counts.outputTokens, rates.output) +
    product(counts.cacheReadTokens, rates.cacheRead) +
    product(counts.cacheWrite5mTokens, rates.cacheWrite5m) +
    product(counts.cacheWrite1hTokens, rates.cacheWrite1h) +
    product(counts.audioInputTokens, rates.audioInput) +
    product(counts.audioOutputTokens, rates.audioOutput) +
    product(counts.imageInputTokens, rates.imageInput) +
    product(counts.imageOutputTokens, rates.imageOutput) +
    product(counts.webSearchRequests, price.webSearch) +
    product(counts.mediaItems, price.perItem) +
    product(counts.mediaSeconds, price.perSecond)
  );
}

function product(amount: number, rate: number): bigint {
  return amount === 0 ? 0n : BigInt(amount) * BigInt(rate);
}

function chargeOf(pico: bigint, multiplierMicros: number): Cost {
  return {
    costNanoUsd: halfToEvenBig(pico, BigInt(PICO_PER_NANO)),
    chargedNanoUsd: halfToEvenBig(pico * BigInt(multiplierMicros), CHARGE_DIVISOR),
  };
}

/** Safe integers ≥ 0; the divisor is even. */
function halfToEven(amount: number, divisor: number): number {
  const rest = amount % divisor;
  const whole = (amount - rest) / divisor;
  const half = divisor / 2;
  return rest > half || (rest === half && whole % 2 === 1) ? whole + 1 : whole;
}

function halfToEvenBig(amount: bigint, divisor: bigint): bigint {
  const whole = amount / divisor;
  const rest = amount % divisor;
  const half = divisor / 2n;
  return rest > half || (rest === half && whole % 2n === 1n) ? whole + 1n : whole;
}
