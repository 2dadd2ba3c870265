import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Price } from '#meter/prices.ts';
import { reserveNano } from '#meter/reserve.ts';

const PRICE: Price = {
  name: 'm',
  input: 3_000_000,
  output: 15_000_000,
  cacheRead: 300_000,
  cacheWrite5m: 3_750_000,
  cacheWrite1h: 6_000_000,
  webSearch: 0,
  longPrompt: null,
};
const LONG = { overTokens: 100, input: 9_000_000, output: 1_000, cacheRead: 30, cacheWrite5m: 40, cacheWrite1h: 50 };
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
  const price: Price = { ...PRICE, longPrompt: LONG };
  assert.equal(reserveNano(price, FACTS, RULE), 400n * 9_000n + 100n);
});
