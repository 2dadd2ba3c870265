import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effortOfThinking, thinkingOfEffort, wantsThinkingText } from '#wire/convert/effort-thinking.ts';

test('effort is adaptive thinking with that effort; what Messages has no word for is the nearest below', () => {
  const adaptive = { type: 'adaptive' };
  assert.deepEqual(thinkingOfEffort('high', 'claude-opus-5-5', 1, false), { thinking: adaptive, effort: 'high' });
  assert.deepEqual(thinkingOfEffort('minimal', 'any', 1, false), { thinking: adaptive, effort: 'low' });
  assert.deepEqual(thinkingOfEffort('none', 'any', 1, false), { thinking: { type: 'disabled' }, effort: null });
  assert.equal(thinkingOfEffort('enormous', 'any', 1, false), null);
});

test('who wants a summary gets thinking that is shown', () => {
  const thinking = { type: 'adaptive', display: 'summarized' };
  assert.deepEqual(thinkingOfEffort('low', 'any', 1, true), { thinking, effort: 'low' });
});

test('models that know no adaptive thinking get a budget, which leaves room for the answer', () => {
  for (const model of [
    'claude-3-7-sonnet-latest',
    'claude-haiku-4-5',
    'claude-sonnet-4-5-20250929',
    'claude-opus-4-1',
  ]) {
    const { thinking, effort } = thinkingOfEffort('medium', model, 64_000, false)!;
    assert.deepEqual([thinking, effort], [{ type: 'enabled', budget_tokens: 16_384 }, null], model);
  }
  assert.equal(thinkingOfEffort('high', 'claude-haiku-4-5', 4_096, false)!.thinking['budget_tokens'], 2_048);
  assert.equal(thinkingOfEffort('high', 'claude-haiku-4-5', 1_500, false)!.thinking['type'], 'disabled');
  for (const model of ['claude-opus-4-6', 'claude-sonnet-4-6', 'claude-haiku-5-5', 'other']) {
    assert.equal(thinkingOfEffort('medium', model, 64_000, false)!.thinking['type'], 'adaptive', model);
  }
});

test('a budget is the effort that it comes to, and a given effort goes before it', () => {
  const enabled = (budget_tokens: unknown) => ({ thinking: { type: 'enabled', budget_tokens } });
  assert.deepEqual(
    [1_024, 4_096, 4_097, 16_384, 100_000].map((tokens) => effortOfThinking(enabled(tokens))),
    ['low', 'low', 'medium', 'medium', 'high'],
  );
  assert.equal(effortOfThinking({ ...enabled(1_024), output_config: { effort: 'max' } }), 'max');
  assert.equal(effortOfThinking({}), null);
  assert.equal(effortOfThinking({ thinking: { type: 'adaptive' } }), null);
});

test('thinking that is switched off is no effort, whatever else is said', () => {
  assert.equal(effortOfThinking({ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }), 'none');
});

test('the latest effort within a conversation counts', () => {
  const messages = [
    { role: 'system', content: 'a', output_config: { effort: 'low' } },
    { role: 'system', content: 'b', output_config: { effort: 'xhigh' } },
    { role: 'user', content: 'c' },
  ];
  assert.equal(effortOfThinking({ messages, output_config: { effort: 'high' } }), 'xhigh');
});

test('thinking is read by the client unless it is omitted or switched off', () => {
  const wants = (thinking: object) => wantsThinkingText({ thinking });
  assert.ok(wants({ type: 'adaptive' }) && wants({ type: 'enabled', display: 'summarized' }));
  assert.ok(!wants({ type: 'adaptive', display: 'omitted' }) && !wants({ type: 'disabled' }));
  assert.ok(!wantsThinkingText({}));
});
