import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatNanoUsd, parseUsdToNano } from '#base/money.ts';

test('dollars become nano-USD exactly, from text and from numbers', () => {
  assert.equal(parseUsdToNano('1000'), 1_000_000_000_000n);
  assert.equal(parseUsdToNano(0.1), 100_000_000n);
  assert.equal(parseUsdToNano(0.3), 300_000_000n);
  assert.equal(parseUsdToNano('0.000000001'), 1n);
  assert.equal(parseUsdToNano(1e-7), 100n);
  assert.equal(parseUsdToNano('-2.5'), -2_500_000_000n);
  assert.equal(parseUsdToNano('9223372036.854775807'), 9_223_372_036_854_775_807n);
});

test('what is not exact or does not fit 64 bits is refused', () => {
  for (const bad of ['', '1,5', '1e3', '0.0000000001', '.5', '9223372036.854775808', Number.NaN, 1e-10, 1e21]) {
    assert.equal(parseUsdToNano(bad), null, String(bad));
  }
});

test('nano-USD are printed with at least two decimals and read back the same', () => {
  assert.equal(formatNanoUsd(0n), '0.00');
  assert.equal(formatNanoUsd(12_500_000_000n), '12.50');
  assert.equal(formatNanoUsd(-1n), '-0.000000001');
  for (const nano of [0n, 1n, -1n, 999_999_999n, 1_000_000_000n, -123_456_789_012_345n, 2n ** 63n - 1n]) {
    assert.equal(parseUsdToNano(formatNanoUsd(nano)), nano);
  }
});
