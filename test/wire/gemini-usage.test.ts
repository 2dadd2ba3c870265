import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GeminiUsage } from '#wire/gemini-usage.ts';
import { TOKENS_MAX } from '#wire/token-counts.ts';

const ZERO = new GeminiUsage().counts();

function merged(...usages: unknown[]): object {
  const usage = new GeminiUsage();
  for (const each of usages) usage.merge(each);
  return usage.counts();
}

test('cached tokens are taken out of the prompt, tool prompts and thoughts are put in', () => {
  assert.deepEqual(
    merged({
      promptTokenCount: 1000,
      cachedContentTokenCount: 300,
      toolUsePromptTokenCount: 40,
      candidatesTokenCount: 50,
      thoughtsTokenCount: 7,
      totalTokenCount: 1097,
    }),
    { ...ZERO, inputTokens: 740, cacheReadTokens: 300, outputTokens: 57, reasoningTokens: 7 },
  );
});

test('fields that never came are 0', () => {
  assert.deepEqual(merged({ promptTokenCount: 9, totalTokenCount: 9 }), { ...ZERO, inputTokens: 9 });
  assert.deepEqual(merged({ candidatesTokenCount: 4 }), { ...ZERO, outputTokens: 4 });
});

test('numbers of a later chunk replace earlier ones and never add; left out ones stay', () => {
  const first = { promptTokenCount: 10, cachedContentTokenCount: 6, totalTokenCount: 10 };
  const middle = { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: 100 };
  const last = { promptTokenCount: 12, candidatesTokenCount: 20, totalTokenCount: 132 };
  const expected = { ...ZERO, inputTokens: 6, cacheReadTokens: 6, outputTokens: 120, reasoningTokens: 100 };
  assert.deepEqual(merged(first, middle, last), expected);
  assert.deepEqual(merged(first, middle, last, {}, null, undefined), expected);
});

test('more cached tokens than the prompt has never make the input negative', () => {
  assert.deepEqual(merged({ promptTokenCount: 5, cachedContentTokenCount: 8 }), { ...ZERO, cacheReadTokens: 5 });
});

test('what is not a sane number of tokens is skipped', () => {
  for (const garbage of [-1, 1.5, '7', null, Number.NaN, 1e300, TOKENS_MAX + 1, {}, [1], true]) {
    const usage = new GeminiUsage();
    assert.equal(usage.merge({ promptTokenCount: garbage, candidatesTokenCount: garbage }), false);
    assert.deepEqual(usage.counts(), ZERO);
  }
  for (const garbage of [null, undefined, 7, 'usage', []]) assert.equal(new GeminiUsage().merge(garbage), false);
  const most = { promptTokenCount: TOKENS_MAX, toolUsePromptTokenCount: 5, candidatesTokenCount: TOKENS_MAX };
  assert.deepEqual(merged({ ...most, thoughtsTokenCount: 1 }), {
    ...ZERO,
    inputTokens: TOKENS_MAX,
    outputTokens: TOKENS_MAX,
    reasoningTokens: 1,
  });
});

test('a reset forgets everything', () => {
  const usage = new GeminiUsage();
  assert.equal(usage.merge({ promptTokenCount: 5, cachedContentTokenCount: 1, thoughtsTokenCount: 9 }), true);
  usage.reset();
  assert.deepEqual(usage.counts(), ZERO);
});
