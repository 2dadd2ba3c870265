import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMediaPrice, mediaCost } from '#meter/media-cost.ts';
import { parsePrices } from '#meter/prices.ts';

const models = {
  'sora-2': { input: 0, output: 0, perSecond: '0.10' },
  'sora2-landscape-10s': { input: 0, output: 0, perItem: '0.50' },
  'by tokens': { input: 1, output: 1 },
};
const fallback = { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 };
const table = parsePrices({ source: 's', date: '2026-01-01', webSearchPer1000: 0, models }, 't', fallback);

test("the client's own name goes before the model that it stands for", () => {
  assert.equal(findMediaPrice(table, 'sora2-landscape-10s', ['sora-2'])!.name, 'sora2-landscape-10s');
  assert.equal(findMediaPrice(table, 'sora2-portrait-10s', ['sora-2-pro-hd', 'sora-2'])!.name, 'sora-2');
});

test('a price by tokens, the fallback included, is none for media', () => {
  assert.equal(findMediaPrice(table, 'by tokens', []), null);
  assert.equal(findMediaPrice(table, 'unheard of', ['unknown']), null);
});

test('by the second and by the item, times the multiplier', () => {
  const video = findMediaPrice(table, 'sora-2', [])!;
  assert.equal(mediaCost(video, { seconds: 10 }, 1_000_000).chargedNanoUsd, 1_000_000_000n);
  assert.equal(mediaCost(video, { seconds: 10 }, 1_500_000).chargedNanoUsd, 1_500_000_000n);
  assert.equal(
    mediaCost(findMediaPrice(table, 'sora2-landscape-10s', [])!, { seconds: 10 }, 1_000_000).costNanoUsd,
    500_000_000n,
  );
});
