import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMediaPrice, mediaCost, mediaQuality } from '#meter/media-cost.ts';
import { type Price, parsePrices } from '#meter/prices.ts';

const models = {
  'sora-2': { input: 0, output: 0, perSecond: '0.10' },
  'sora2-landscape-10s': { input: 0, output: 0, perItem: '0.50' },
  'by tokens': { input: 1, output: 1 },
};
const PICTURE = { low: { '1024x1024': '0.011' }, medium: { '1024x1024': '0.042', '1024x1536': '0.063' } };
Object.assign(models, { 'gpt-image-1': { input: 5, output: 40, perItem: PICTURE } });
const fallback = { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 };
const table = parsePrices({ source: 's', date: '2026-01-01', webSearchPer1000: 0, models }, 't', fallback);

function priceOf(model: string, priceNames: string[], quality = '', size = '1024x1024'): Price | null {
  return findMediaPrice(table, model, { priceNames, quality, size });
}

test("the client's own name goes before the model that it stands for", () => {
  assert.equal(priceOf('sora2-landscape-10s', ['sora-2'])!.name, 'sora2-landscape-10s');
  assert.equal(priceOf('sora2-portrait-10s', ['sora-2-pro-hd', 'sora-2'])!.name, 'sora-2');
});

test('a price by tokens, the fallback included, is none for media', () => {
  assert.equal(priceOf('by tokens', []), null);
  assert.equal(priceOf('unheard of', ['unknown']), null);
});

test('by the second and by the item, times the multiplier', () => {
  const video = priceOf('sora-2', [])!;
  assert.equal(mediaCost(video, { seconds: 10 }, 1_000_000).chargedNanoUsd, 1_000_000_000n);
  assert.equal(mediaCost(video, { seconds: 10 }, 1_500_000).chargedNanoUsd, 1_500_000_000n);
  assert.equal(mediaCost(priceOf('sora2-landscape-10s', [])!, { seconds: 10 }, 1_000_000).costNanoUsd, 500_000_000n);
});

test('a picture by quality and size; where none is wanted, the ordinary one, which is then asked for', () => {
  const nano = (quality: string, size?: string): bigint =>
    mediaCost(priceOf('gpt-image', ['gpt-image-1'], quality, size)!, { seconds: 0 }, 1_000_000).costNanoUsd;
  assert.deepEqual([nano('low'), nano(''), nano('medium', '1024x1536')], [11_000_000n, 42_000_000n, 63_000_000n]);
  assert.equal(mediaQuality(priceOf('gpt-image-1', [])!, ''), 'medium');
  assert.equal(mediaQuality(priceOf('gpt-image-1', [])!, 'low'), 'low');
  assert.equal(mediaQuality(priceOf('sora-2', [])!, ''), '');
});

test('a quality or size without a price has none', () => {
  assert.equal(priceOf('gpt-image-1', [], 'hd'), null);
  assert.equal(priceOf('gpt-image-1', [], 'low', '1x1'), null);
});
