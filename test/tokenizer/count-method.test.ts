import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelToEncodingMap } from 'gpt-tokenizer/mapping';
import { estimateFromBytes, methodFor, scaleTokens, structureTokens } from '#tokenizer/count-method.ts';

/** Vocabularies that differ from these in special tokens only. */
const SAME_TEXT: Record<string, string> = { gpt2: 'r50k_base', p50k_edit: 'p50k_base', o200k_harmony: 'o200k_base' };

test('every model that the library lists has the vocabulary that it lists', () => {
  const listed = Object.entries(modelToEncodingMap);
  assert.ok(listed.length > 50);
  const wrong = listed.filter(([model, encoding]) => methodFor(model).encoding !== (SAME_TEXT[encoding] ?? encoding));
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    listed.filter(([model]) => methodFor(model).name !== methodFor(model).encoding),
    [],
  );
});

test('models of OpenAI that come are counted by the current vocabulary, deployments and fine-tunes by their base', () => {
  const expected = {
    'gpt-5.6-sol': 'o200k_base',
    'gpt-4o-2024-11-20': 'o200k_base',
    'gpt-4.1-mini': 'o200k_base',
    'o4-mini': 'o200k_base',
    'chatgpt-4o-latest': 'o200k_base',
    'gpt-4-turbo': 'cl100k_base',
    'gpt-35-turbo': 'cl100k_base',
    'openai/gpt-5': 'o200k_base',
    'ft:gpt-3.5-turbo:org:name:id': 'cl100k_base',
    'text-embedding-3-small': 'cl100k_base',
  };
  for (const [model, encoding] of Object.entries(expected)) {
    const method = methodFor(model);
    assert.deepEqual([model, method.encoding, method.name], [model, encoding, encoding]);
  }
});

test('Claude is estimated by a factor, another one from Opus 4.7 on; Gemini by its own', () => {
  const names = (models: string[]): string[] => [...new Set(models.map((model) => methodFor(model).name))];
  const early = ['claude-3-7-sonnet-latest', 'claude-opus-4-20250514', 'claude-opus-4-6', 'claude-haiku-4-5-20251001'];
  const vendors = [
    'anthropic.claude-sonnet-4-5-20250929-v1:0',
    'claude-sonnet-4@20250514',
    'claude-2.1',
    'claude-instant-1',
  ];
  assert.deepEqual(names([...early, ...vendors]), ['o200k_base x 1.25']);
  const current = [
    'claude-opus-4-7',
    'claude-opus-4-8-20260601',
    'claude-opus-5-5',
    'claude-haiku-5-5',
    'claude-fable-5-1',
  ];
  assert.deepEqual(names(current), ['o200k_base x 1.53']);
  assert.deepEqual(names(['gemini-3.8-flash', 'models/gemini-2.5-pro']), ['o200k_base x 1.1']);
});

test('a model that nobody knows is counted by the current vocabulary, and its name says so', () => {
  const { encoding, name } = methodFor('llama-9');
  assert.deepEqual([encoding, name], ['o200k_base', 'o200k_base, model unknown']);
});

test('an estimate is never rounded down', () => {
  assert.equal(scaleTokens(methodFor('claude-opus-5-5'), 100), 153);
  assert.equal(scaleTokens(methodFor('claude-opus-5-5'), 1), 2);
  assert.equal(scaleTokens(methodFor('gpt-5'), 7), 7);
  assert.equal(estimateFromBytes(methodFor('claude-opus-5-5'), 0), 0);
  assert.equal(estimateFromBytes(methodFor('claude-opus-5-5'), 1), 1);
  assert.equal(estimateFromBytes(methodFor('claude-opus-5-5'), 1000), 400);
});

test('messages cost three tokens each and the reply three; tools cost Claude a prompt of their own; a text alone costs nothing', () => {
  const [gpt, claude] = [methodFor('gpt-5'), methodFor('claude-opus-5-5')];
  assert.deepEqual([structureTokens(gpt, 0, 0), structureTokens(gpt, 1, 0), structureTokens(gpt, 4, 9)], [0, 6, 15]);
  assert.deepEqual([structureTokens(claude, 1, 0), structureTokens(claude, 1, 2)], [6, 356]);
});
