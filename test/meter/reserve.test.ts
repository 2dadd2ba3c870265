import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPrice, type Price, parsePrices } from '#meter/prices.ts';
import { reserveNano } from '#meter/reserve.ts';

const MODEL = { input: '3', output: '15', cacheRead: '0.30', cacheWrite5m: '3.75', cacheWrite1h: '6' };
const LONG = { overTokens: 100, input: '9', output: '0.001' };
const PRICE = priceOf(MODEL);

function priceOf(model: object): Price {
  const file = { source: 'a list', date: '2026-01-31', webSearchPer1000: '0', models: { m: model } };
  return findPrice(parsePrices(file, 'test'), 'm')!;
}

const RULE = { outputReserveTokens: 4_096, multiplierMicros: 1_000_000 };
const FACTS = { textBytes: 1_000, toolsCount: 0, maxTokens: 100, cacheMarkers: 0 };

test('the reserve is the charge of the estimated input and of the output up to its bound', () => {
  assert.equal(reserveNano(PRICE, FACTS, RULE), 400n * 3_000n + 100n * 15_000n);
  assert.equal(reserveNano(PRICE, { ...FACTS, textBytes: 1 }, RULE), 3_000n + 1_500_000n);
  assert.equal(reserveNano(PRICE, { ...FACTS, toolsCount: 2 }, RULE), 2_400n * 3_000n + 1_500_000n);
  for (const maxTokens of [4_096, 32_000, null]) {
    assert.equal(reserveNano(PRICE, { ...FACTS, maxTokens }, RULE), 1_200_000n + 4_096n * 15_000n);
  }
  assert.equal(reserveNano(PRICE, FACTS, { ...RULE, multiplierMicros: 1_500_000 }), (2_700_000n * 3n) / 2n);
});

test('with cache breakpoints the input is reserved at the dearest write', () => {
  const facts = { ...FACTS, cacheMarkers: 1 };
  assert.equal(reserveNano(PRICE, facts, RULE), 400n * 6_000n + 1_500_000n);
  assert.equal(reserveNano({ ...PRICE, cacheWrite1h: 1 }, facts, RULE), 400n * 3_750n + 1_500_000n);
  assert.equal(reserveNano({ ...PRICE, cacheWrite1h: 1, cacheWrite5m: 1 }, facts, RULE), 400n * 3_000n + 1_500_000n);
});

test('a prompt that is estimated long is reserved at the rates of long prompts', () => {
  const price = priceOf({ ...MODEL, longPrompt: LONG });
  assert.equal(reserveNano(price, FACTS, RULE), 400n * 9_000n + 100n);
});

test('a service tier that is asked for is reserved at its rates, an unknown one at the ordinary ones', () => {
  const price = priceOf({ ...MODEL, tiers: { priority: { input: '6', output: '30' } } });
  const reserve = (serviceTier: string) => reserveNano(price, FACTS, { ...RULE, serviceTier });
  assert.equal(reserve('priority'), 2n * reserveNano(PRICE, FACTS, RULE));
  assert.equal(reserve('flex'), reserveNano(PRICE, FACTS, RULE));
});

test('media that is asked for is reserved whole', () => {
  const price = priceOf({ input: '0', output: '0', perItem: '0.04', perSecond: '0.1' });
  assert.equal(reserveNano(price, { ...FACTS, mediaItems: 2 }, RULE), 80_000_000n);
  assert.equal(reserveNano(price, { ...FACTS, mediaItems: 1, mediaSeconds: 12 }, RULE), 1_240_000_000n);
});
