import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenAiUsage } from '#wire/openai-usage.ts';
import { TOKENS_MAX, zeroCounts } from '#wire/token-counts.ts';

/** The counts that are not 0. */
function merged(...usages: unknown[]): object {
  const usage = new OpenAiUsage();
  for (const each of usages) usage.merge(each);
  return Object.fromEntries(Object.entries(usage.counts()).filter(([, count]) => count !== 0));
}

test('what was read from and written to the cache is taken off the input', () => {
  const input_tokens_details = {
    cached_tokens: 30,
    cache_write_tokens: 20,
    cache_write_tokens_details: { ttl_30m_tokens: 15, ttl_12h_tokens: 5 },
  };
  assert.deepEqual(merged({ input_tokens: 80, input_tokens_details, output_tokens: 9 }), {
    inputTokens: 30,
    cacheReadTokens: 30,
    cacheWrite5mTokens: 15,
    cacheWrite1hTokens: 5,
    outputTokens: 9,
  });
});

test('reasoning is part of the output; sound and pictures are priced apart', () => {
  const usage = {
    prompt_tokens: 50,
    prompt_tokens_details: { audio_tokens: 10, image_tokens: 5 },
    completion_tokens: 40,
    completion_tokens_details: { reasoning_tokens: 12, audio_tokens: 7, rejected_prediction_tokens: 3 },
  };
  assert.deepEqual(merged(usage), {
    inputTokens: 35,
    audioInputTokens: 10,
    imageInputTokens: 5,
    outputTokens: 33,
    reasoningTokens: 12,
    audioOutputTokens: 7,
  });
});

test('a later usage replaces an earlier one as a whole', () => {
  assert.deepEqual(
    merged(
      { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } },
      { prompt_tokens: 5 },
    ),
    { inputTokens: 5 },
  );
});

test('details that claim more than there is are cut to it: the sum is never more than was said', () => {
  const details = { cached_tokens: 900, cache_write_tokens: 900, audio_tokens: 900, image_tokens: 900 };
  const input = merged({
    input_tokens: 10,
    input_tokens_details: details,
    output_tokens: 4,
    output_tokens_details: details,
  });
  assert.deepEqual(input, { cacheReadTokens: 10, audioOutputTokens: 4 });
});

test('what is no sane number is no usage, or counts as none', () => {
  for (const usage of [
    null,
    'x',
    [],
    {},
    { input_tokens: -1 },
    { input_tokens: 1.5 },
    { prompt_tokens: TOKENS_MAX + 1 },
  ]) {
    const counts = new OpenAiUsage();
    assert.equal(counts.merge(usage), false, JSON.stringify(usage));
    assert.deepEqual(counts.counts(), zeroCounts());
  }
  assert.deepEqual(merged({ input_tokens: 3, output_tokens: '9', input_tokens_details: 7 }), { inputTokens: 3 });
});

test('a reset forgets everything, and counts are copies', () => {
  const usage = new OpenAiUsage();
  usage.merge({ input_tokens: 3 });
  usage.counts().inputTokens = 99;
  assert.equal(usage.counts().inputTokens, 3);
  usage.reset();
  assert.deepEqual(usage.counts(), zeroCounts());
});
