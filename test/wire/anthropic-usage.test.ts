import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnthropicUsage } from '#wire/anthropic-usage.ts';
import { TOKENS_MAX, zeroCounts } from '#wire/token-counts.ts';

const ZERO = zeroCounts();

function merged(...usages: unknown[]): object {
  const usage = new AnthropicUsage();
  for (const each of usages) usage.merge(each);
  return usage.counts();
}

test('thinking is told apart and stays in the output', () => {
  const thought = { input_tokens: 1, output_tokens: 50, output_tokens_details: { thinking_tokens: 30 } };
  const counts = { ...ZERO, inputTokens: 1, outputTokens: 50, reasoningTokens: 30 };
  assert.deepEqual(merged(thought, { output_tokens: 50, output_tokens_details: null }), counts);
  assert.deepEqual(merged({ ...thought, output_tokens: 9 }), { ...counts, outputTokens: 9, reasoningTokens: 9 });
});

test('later numbers replace earlier ones and null or missing ones leave them', () => {
  const start = { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 0, output_tokens: 1 };
  assert.deepEqual(merged(start, { output_tokens: 42 }), {
    ...ZERO,
    inputTokens: 10,
    cacheReadTokens: 5,
    outputTokens: 42,
  });
  const delta = {
    input_tokens: 900,
    cache_read_input_tokens: null,
    output_tokens: 42,
    server_tool_use: { web_search_requests: 3 },
  };
  assert.deepEqual(merged(start, delta, { output_tokens: 43, server_tool_use: null }), {
    ...ZERO,
    inputTokens: 900,
    cacheReadTokens: 5,
    outputTokens: 43,
    webSearchRequests: 3,
  });
});

test('cache writes are split by their lifetime, and what the split does not name is 5-minute', () => {
  const split = (in5m: number | null, in1h: number | null) => ({
    ephemeral_5m_input_tokens: in5m,
    ephemeral_1h_input_tokens: in1h,
  });
  const writes = (...usages: object[]) => {
    const { cacheWrite5mTokens, cacheWrite1hTokens } = merged(...usages) as typeof ZERO;
    return [cacheWrite5mTokens, cacheWrite1hTokens];
  };
  assert.deepEqual(writes({ cache_creation_input_tokens: 100, cache_creation: split(40, 60) }), [40, 60]);
  assert.deepEqual(writes({ cache_creation_input_tokens: 100 }), [100, 0]);
  assert.deepEqual(writes({ cache_creation_input_tokens: 100, cache_creation: null }), [100, 0]);
  assert.deepEqual(writes({ cache_creation_input_tokens: 100, cache_creation: split(0, 0) }), [100, 0]);
  assert.deepEqual(writes({ cache_creation: split(40, 60) }), [40, 60]);
  assert.deepEqual(writes({ cache_creation_input_tokens: 100, cache_creation: split(null, 60) }), [40, 60]);
  const start = { cache_creation_input_tokens: 100, cache_creation: split(40, 60) };
  assert.deepEqual(writes(start, { cache_creation_input_tokens: 100 }), [40, 60]);
  assert.deepEqual(writes(start, { cache_creation_input_tokens: 130 }), [70, 60]);
  assert.deepEqual(writes(start, { cache_creation_input_tokens: 0 }), [0, 0]);
  assert.deepEqual(writes(start, { cache_creation_input_tokens: null, cache_creation: null }), [40, 60]);
});

test('iterations that the top-level numbers leave out are added once, however often they are repeated', () => {
  const iteration = (type: string) => ({
    type,
    input_tokens: 1000,
    output_tokens: 100,
    cache_read_input_tokens: 10,
    cache_creation_input_tokens: 7,
    cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 },
  });
  const usage = {
    input_tokens: 1,
    output_tokens: 2,
    iterations: ['message', 'compaction', 'advisor_message', 'fallback_message', 'later_kind'].map(iteration),
  };
  const expected = {
    ...ZERO,
    inputTokens: 2001,
    outputTokens: 202,
    cacheReadTokens: 20,
    cacheWrite5mTokens: 6,
    cacheWrite1hTokens: 8,
  };
  assert.deepEqual(merged(usage), expected);
  assert.deepEqual(merged(usage, usage), expected);
  assert.deepEqual(merged(usage, { output_tokens: 2, iterations: null }), expected);
  assert.deepEqual(merged(usage, { output_tokens: 2, iterations: [] }), { ...ZERO, inputTokens: 1, outputTokens: 2 });
});

test('what is not a sane number of tokens is skipped', () => {
  for (const garbage of [-1, 1.5, '7', null, Number.NaN, 1e300, TOKENS_MAX + 1, {}, [1], true]) {
    const usage = new AnthropicUsage();
    assert.equal(usage.merge({ input_tokens: garbage, output_tokens: garbage, server_tool_use: garbage }), false);
    assert.deepEqual(usage.counts(), ZERO);
  }
  for (const garbage of [null, undefined, 7, 'usage', [], { iterations: 7 }, { iterations: [null, 7, {}] }]) {
    assert.deepEqual(merged(garbage), ZERO);
  }
});

test('a reset forgets everything', () => {
  const usage = new AnthropicUsage();
  assert.equal(usage.merge({ output_tokens: 5, iterations: [{ type: 'compaction', input_tokens: 9 }] }), true);
  usage.reset();
  assert.deepEqual(usage.counts(), ZERO);
});
