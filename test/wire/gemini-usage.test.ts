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

const details = (tokens: Record<string, unknown>): object[] =>
  Object.entries(tokens).map(([modality, tokenCount]) => ({ modality, tokenCount }));

test('sound and pictures are counted apart, without what came from the cache; video and documents are not', () => {
  assert.deepEqual(
    merged({
      promptTokenCount: 1000,
      promptTokensDetails: details({ TEXT: 300, AUDIO: 400, IMAGE: 200, VIDEO: 60, DOCUMENT: 40 }),
      cachedContentTokenCount: 250,
      cacheTokensDetails: details({ TEXT: 100, AUDIO: 150 }),
      toolUsePromptTokenCount: 30,
      toolUsePromptTokensDetails: details({ IMAGE: 10, TEXT: 20 }),
      candidatesTokenCount: 90,
      candidatesTokensDetails: details({ TEXT: 20, AUDIO: 30, IMAGE: 40 }),
      thoughtsTokenCount: 5,
    }),
    {
      ...ZERO,
      inputTokens: 320,
      audioInputTokens: 250,
      imageInputTokens: 210,
      cacheReadTokens: 250,
      outputTokens: 25,
      audioOutputTokens: 30,
      imageOutputTokens: 40,
      reasoningTokens: 5,
    },
  );
});

test('a later list of details replaces the earlier one, one that is left out stays', () => {
  const first = { promptTokenCount: 100, promptTokensDetails: details({ AUDIO: 60, TEXT: 40 }) };
  const last = {
    promptTokenCount: 100,
    candidatesTokenCount: 1,
    promptTokensDetails: details({ AUDIO: 70, TEXT: 30 }),
  };
  const expected = { ...ZERO, inputTokens: 30, audioInputTokens: 70, outputTokens: 1 };
  assert.deepEqual(merged(first, last), expected);
  assert.deepEqual(merged(first, last, { promptTokenCount: 100 }), expected);
});

test('details never claim more than the number that they are part of', () => {
  const counts = merged({
    promptTokenCount: 50,
    promptTokensDetails: details({ AUDIO: 40, IMAGE: 40, TEXT: 9 }),
    candidatesTokenCount: 7,
    candidatesTokensDetails: details({ AUDIO: TOKENS_MAX, IMAGE: 5 }),
  });
  assert.deepEqual(counts, { ...ZERO, audioInputTokens: 40, imageInputTokens: 10, audioOutputTokens: 7 });
  for (const garbage of [
    7,
    'x',
    {},
    [null],
    [7],
    [{ modality: 'AUDIO' }],
    details({ AUDIO: -5 }),
    details({ AUDIO: '5' }),
  ]) {
    assert.deepEqual(merged({ promptTokenCount: 50, promptTokensDetails: garbage }), { ...ZERO, inputTokens: 50 });
  }
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
