import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrayText, callArguments, sseChunk } from '#wire/convert/gemini-chunk.ts';

test('SSE chunks become elements of one JSON array', () => {
  const chunks = [{ a: 'x\r\n\r\ndata: y' }, { b: [1] }, { c: {} }];
  const sse = chunks.map(sseChunk);
  const text = `${arrayText(sse[0]! + sse[1]!, true)}${arrayText('', false)}${arrayText(sse[2]!, false)}]`;
  assert.deepEqual(JSON.parse(text), chunks);
  assert.equal(arrayText('', true), '');
});

test('arguments are a JSON object, or none at all', () => {
  assert.deepEqual(callArguments('{"a":1}'), { a: 1 });
  for (const none of ['', ' \n']) assert.deepEqual(callArguments(none), {});
  for (const malformed of ['{', '[]', '7', 'null', '{}{}']) assert.equal(callArguments(malformed), null);
});
