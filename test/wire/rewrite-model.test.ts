import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isScanError } from '#wire/facts.ts';
import { spliceModel } from '#wire/rewrite-model.ts';
import { scan } from '#wire/scan.ts';

function splice(body: string, model: string): string {
  const bytes = Buffer.from(body);
  const facts = scan(bytes, 16);
  assert.ok(!isScanError(facts));
  const spliced = Buffer.from(spliceModel(bytes, facts, model));
  assert.equal(bytes.toString(), body, 'the old bytes stay as they are');
  return spliced.toString();
}

test('only the bytes of the model change', () => {
  assert.equal(
    splice('{ "x" : 1.00, "model" : "old\\u0021", "messages":[ "é" ] }', 'new-model'),
    '{ "x" : 1.00, "model" : "new-model", "messages":[ "é" ] }',
  );
});

test('a model at either end of the body is replaced', () => {
  assert.equal(splice('{"model":"a","messages":[]}', 'longer'), '{"model":"longer","messages":[]}');
  assert.equal(splice('{"messages":[],"model":"abc"}', ''), '{"messages":[],"model":""}');
});

test('the new name is escaped as JSON needs it', () => {
  const spliced = splice('{"model":"a","messages":[]}', 'a"b\\c\n漢\ud800');
  assert.equal(spliced, '{"model":"a\\"b\\\\c\\n漢\\ud800","messages":[]}');
});

test('of two models the last, which counts, is replaced', () => {
  assert.equal(splice('{"model":"a","model":"b","messages":[]}', 'c'), '{"model":"a","model":"c","messages":[]}');
});

test('a body without a model cannot be spliced', () => {
  const bytes = Buffer.from('{"messages":[]}');
  const facts = scan(bytes, 16);
  assert.ok(!isScanError(facts));
  assert.throws(() => spliceModel(bytes, facts, 'm'), /assertion failed/);
});
