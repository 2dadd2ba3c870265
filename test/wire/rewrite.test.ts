import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isScanError } from '#wire/facts.ts';
import { CHAT_SHAPE } from '#wire/request-shape.ts';
import { rewrite } from '#wire/rewrite.ts';
import { scan } from '#wire/scan.ts';

function splice(body: string, model: string): string {
  const bytes = Buffer.from(body);
  const facts = scan(bytes, 16);
  assert.ok(!isScanError(facts));
  const spliced = Buffer.from(rewrite(bytes, facts, { model, includeUsage: false }));
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
  assert.throws(() => rewrite(bytes, facts, { model: 'm', includeUsage: false }), /assertion failed/);
});

function askForUsage(body: string, model: string | null = null): string {
  const bytes = Buffer.from(body);
  const facts = scan(bytes, 16, CHAT_SHAPE);
  assert.ok(!isScanError(facts));
  return Buffer.from(rewrite(bytes, facts, { model, includeUsage: true })).toString();
}

test('a stream that did not ask for its usage asks for it, whatever its options were', () => {
  const rest = '"model":"m","messages":[ ]';
  const asked = '"stream_options":{"include_usage":true}';
  assert.equal(askForUsage(` {${rest}}`), ` {${asked},${rest}}`);
  assert.equal(askForUsage(`{${rest},"stream_options":null}`), `{${rest},${asked}}`);
  assert.equal(askForUsage(`{"stream_options" : { },${rest}}`), `{"stream_options" : {"include_usage":true},${rest}}`);
  assert.equal(
    askForUsage(`{${rest},"stream_options":{"include_usage":false,"x":[1]}}`),
    `{${rest},"stream_options":{"include_usage":true,"x":[1]}}`,
  );
});

test('model and usage are changed in one go, in either order', () => {
  assert.equal(
    askForUsage('{"stream_options":{},"model":"a","messages":[]}', 'longer'),
    '{"stream_options":{"include_usage":true},"model":"longer","messages":[]}',
  );
  assert.equal(
    askForUsage('{"model":"a","messages":[]}', 'b'),
    '{"stream_options":{"include_usage":true},"model":"b","messages":[]}',
  );
});
