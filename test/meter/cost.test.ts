import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cost, ratesFor } from '#meter/cost.ts';
import type { Price } from '#meter/prices.ts';
import { type TokenCounts, zeroCounts } from '#wire/token-counts.ts';
import { seededRandom } from '../support/seeded-random.ts';

const RATES = {
  input: 3_000_000,
  output: 15_000_000,
  cacheRead: 300_000,
  cacheWrite5m: 3_750_000,
  cacheWrite1h: 6_000_000,
  audioInput: 40_000_000,
  audioOutput: 80_000_000,
  imageInput: 10_000_000,
  imageOutput: 32_000_000,
};
const PRICE: Price = {
  name: 'm',
  ...RATES,
  webSearch: 10_000_000_000,
  perItem: 40_000_000_000,
  perItemBy: null,
  perSecond: 100_000_000_000,
  longPrompt: null,
  tiers: null,
};
const ZERO = zeroCounts();

function priceOf(input: number): Price {
  return { ...PRICE, input };
}

test('every class of token, each search, item and second has its own price', () => {
  const one = (field: keyof TokenCounts) => cost({ ...ZERO, [field]: 1_000 }, PRICE, 1_000_000).costNanoUsd;
  assert.equal(one('inputTokens'), 3_000_000n);
  assert.equal(one('outputTokens'), 15_000_000n);
  assert.equal(one('cacheReadTokens'), 300_000n);
  assert.equal(one('cacheWrite5mTokens'), 3_750_000n);
  assert.equal(one('cacheWrite1hTokens'), 6_000_000n);
  assert.equal(one('webSearchRequests'), 10_000_000_000n);
  assert.equal(one('audioInputTokens'), 40_000_000n);
  assert.equal(one('audioOutputTokens'), 80_000_000n);
  assert.equal(one('imageInputTokens'), 10_000_000n);
  assert.equal(one('imageOutputTokens'), 32_000_000n);
  assert.equal(one('mediaItems'), 40_000_000_000n);
  assert.equal(one('mediaSeconds'), 100_000_000_000n);
  assert.equal(one('reasoningTokens'), 0n, 'they are in the output already');
  assert.deepEqual(cost(ZERO, PRICE, 1_000_000), { costNanoUsd: 0n, chargedNanoUsd: 0n });
});

test('each amount is rounded once, half to even, from the exact sum', () => {
  const nano = (pico: number, multiplierMicros: number) => {
    const { costNanoUsd, chargedNanoUsd } = cost({ ...ZERO, inputTokens: pico }, priceOf(1), multiplierMicros);
    return [costNanoUsd, chargedNanoUsd];
  };
  assert.deepEqual(
    [499, 500, 501, 1_499, 1_500, 1_501, 2_500, 2_501].map((pico) => nano(pico, 1_000_000)[0]),
    [0n, 0n, 1n, 1n, 2n, 2n, 2n, 3n],
  );
  // 1,499 pico cost 1 nano, and three times as much is 4,497 pico, 4 nano: not three times the rounded cost.
  assert.deepEqual(nano(1_499, 3_000_000), [1n, 4n]);
  assert.deepEqual(nano(1_000, 1_500_000), [1n, 2n]);
  assert.deepEqual(nano(1_000, 2_500_000), [1n, 2n]);
  assert.deepEqual(nano(1_000, 500_000), [1n, 0n]);
  assert.deepEqual(nano(1_000, 0), [1n, 0n]);
});

function exact(counts: TokenCounts, price: Price, multiplierMicros: number): readonly [bigint, bigint] {
  const terms: [number, number][] = [
    [counts.inputTokens, price.input],
    [counts.outputTokens, price.output],
    [counts.cacheReadTokens, price.cacheRead],
    [counts.cacheWrite5mTokens, price.cacheWrite5m],
    [counts.cacheWrite1hTokens, price.cacheWrite1h],
    [counts.webSearchRequests, price.webSearch],
    [counts.audioInputTokens, price.audioInput],
    [counts.audioOutputTokens, price.audioOutput],
    [counts.imageInputTokens, price.imageInput],
    [counts.imageOutputTokens, price.imageOutput],
    [counts.mediaItems, price.perItem],
    [counts.mediaSeconds, price.perSecond],
  ];
  const pico = terms.reduce((sum, [amount, rate]) => sum + BigInt(amount) * BigInt(rate), 0n);
  const round = (amount: bigint, divisor: bigint) => {
    const doubled = amount * 2n;
    const floor = amount / divisor;
    const distance = doubled - floor * divisor * 2n;
    return distance > divisor || (distance === divisor && floor % 2n === 1n) ? floor + 1n : floor;
  };
  return [round(pico, 1_000n), round(pico * BigInt(multiplierMicros), 1_000_000_000n)];
}

test('sums are exact at every size, on both sides of 2^53', () => {
  const random = seededRandom(53);
  const size = (max: number) => Math.floor(random() ** 4 * max);
  for (let round = 0; round < 20_000; round++) {
    const counts: TokenCounts = {
      inputTokens: size(1e9),
      outputTokens: size(1e9),
      cacheReadTokens: size(1e9),
      cacheWrite5mTokens: size(1e9),
      cacheWrite1hTokens: size(1e9),
      webSearchRequests: size(1e4),
      reasoningTokens: size(1e9),
      audioInputTokens: size(1e9),
      audioOutputTokens: size(1e9),
      imageInputTokens: size(1e9),
      imageOutputTokens: size(1e9),
      mediaItems: size(1e4),
      mediaSeconds: size(1e4),
    };
    const price: Price = {
      ...PRICE,
      input: size(1e9),
      output: size(1e9),
      cacheRead: size(1e9),
      cacheWrite5m: size(1e9),
      cacheWrite1h: size(1e9),
      webSearch: size(1e12),
      audioInput: size(1e9),
      audioOutput: size(1e9),
      imageInput: size(1e9),
      imageOutput: size(1e9),
      perItem: size(1e15),
      perSecond: size(1e15),
    };
    const multiplierMicros = round % 3 === 0 ? 1_000_000 : size(1e8);
    const { costNanoUsd, chargedNanoUsd } = cost(counts, price, multiplierMicros);
    assert.deepEqual([costNanoUsd, chargedNanoUsd], exact(counts, price, multiplierMicros), `round ${round}`);
  }
});

test('sums next to 2^53 are exact', () => {
  for (let off = -3; off <= 3; off++) {
    const pico = 2 ** 53 / 2 + off;
    for (const multiplierMicros of [1_000_000, 999_999, 1]) {
      const counts = { ...ZERO, inputTokens: pico, outputTokens: 2 ** 52 };
      const price = { ...PRICE, input: 1, output: 1 };
      const { costNanoUsd, chargedNanoUsd } = cost(counts, price, multiplierMicros);
      assert.deepEqual([costNanoUsd, chargedNanoUsd], exact(counts, price, multiplierMicros));
    }
  }
});

const LONG = {
  ...RATES,
  overTokens: 100,
  input: 10,
  output: 20,
  cacheRead: 30,
  cacheWrite5m: 40,
  cacheWrite1h: 50,
  audioInput: 60,
  imageInput: 70,
};

test('a long prompt, cache included, has its own rates for the whole request', () => {
  const price: Price = { ...PRICE, longPrompt: LONG };
  assert.equal(ratesFor(price, 100), price);
  assert.equal(ratesFor(price, 101), LONG);
  const prompt = { inputTokens: 25, cacheReadTokens: 25, cacheWrite5mTokens: 25, cacheWrite1hTokens: 25 };
  const short = { ...ZERO, ...prompt, outputTokens: 1_000_000 };
  assert.equal(
    cost(short, price, 1_000_000).costNanoUsd,
    25n * 3_000n + 25n * 300n + 25n * 3_750n + 25n * 6_000n + 15_000_000_000n,
  );
  const long = { ...short, inputTokens: 125 };
  assert.equal(cost(long, price, 1_000_000).costNanoUsd, (125n * 10n + 25n * 120n + 20_000_000n) / 1000n);
});

test('sound and pictures make a prompt long as text does', () => {
  const price: Price = { ...PRICE, longPrompt: LONG };
  const prompt = { ...ZERO, inputTokens: 40, audioInputTokens: 30, imageInputTokens: 31 };
  assert.equal(cost(prompt, price, 1_000_000).costNanoUsd, 4n); // 40 × 10 + 30 × 60 + 31 × 70 = 4,370 pico
});

test('a service tier that the model has is priced by its own rates, short and long; any other by the ordinary ones', () => {
  const flex = { ...RATES, input: 1_000_000, longPrompt: { ...LONG, input: 5_000 } };
  const price: Price = { ...PRICE, longPrompt: LONG, tiers: new Map([['flex', flex]]) };
  const costOf = (inputTokens: number, tier?: string) =>
    cost({ ...ZERO, inputTokens }, price, 1_000_000, tier).costNanoUsd;
  assert.deepEqual(
    [costOf(100), costOf(100, ''), costOf(100, 'priority'), costOf(100, '__proto__')],
    Array(4).fill(300_000n),
  );
  assert.equal(costOf(100, 'flex'), 100_000n);
  assert.equal(costOf(1_000, 'flex'), 5_000n);
  assert.equal(costOf(1_000, 'priority'), 10n);
  assert.equal(cost({ ...ZERO, inputTokens: 100 }, PRICE, 1_000_000, 'flex').costNanoUsd, 300_000n);
});
