import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GeminiCalls, responseText } from '#wire/convert/gemini-calls.ts';

test('ids are kept where others take them, made by place where not, and never given twice', () => {
  const calls = new GeminiCalls();
  const ids = ['own', undefined, 'own', 'no spaces', 'call_5', undefined].map((id) => calls.open({ id, name: 'f' }));
  assert.deepEqual(ids, ['own', 'call_2', 'call_3', 'call_4', 'call_5', 'call_6']);
  const clash = new GeminiCalls();
  assert.deepEqual([clash.open({ id: 'call_2' }), clash.open({})], ['call_2', 'call_2_']);
});

test('a response answers the oldest open call with its id, else with its name', () => {
  const calls = new GeminiCalls();
  calls.open({ id: 'a', name: 'f' });
  calls.open({ name: 'f' });
  calls.open({ id: 'c', name: 'g' });
  assert.equal(calls.close({ id: 'c', name: 'g' }), 'c');
  assert.equal(calls.close({ name: 'f' }), 'a');
  assert.equal(calls.close({ id: 'unheard', name: 'f' }), 'call_2');
  assert.equal(calls.close({ name: 'f' }), null);
  assert.equal(calls.close({ id: 'c', name: 'g' }), null);
});

test('a long history is matched in linear time', () => {
  const calls = new GeminiCalls();
  const count = 100_000;
  for (let i = 0; i < count; i++) calls.open({ id: `i${i}`, name: 'f' });
  for (let i = count - 1; i >= 0; i--) assert.equal(calls.close({ id: `i${i}`, name: 'f' }), `i${i}`);
  assert.equal(calls.close({ name: 'f' }), null);
});

test('output and error alone are text, all else is JSON', () => {
  const cases: [Record<string, unknown> | null, string, boolean][] = [
    [{ output: 'a' }, 'a', false],
    [{ error: 'a' }, 'a', true],
    [{ error: { code: 5 } }, '{"code":5}', true],
    [{ output: { a: 1 } }, '{"output":{"a":1}}', false],
    [{ output: 'a', more: 1 }, '{"output":"a","more":1}', false],
    [{ result: 'a' }, '{"result":"a"}', false],
    [null, '{}', false],
  ];
  for (const [response, text, isError] of cases) assert.deepEqual(responseText(response), { text, isError });
});
