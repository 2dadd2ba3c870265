import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asArray,
  asBoolean,
  asCount,
  asNumber,
  asObject,
  asString,
  parseObject,
  writeJson,
} from '#wire/convert/json.ts';

const EVERYTHING = [null, undefined, true, 7, 'x', [1], { a: 1 }, Number.NaN, -1, 1.5];

function taken(read: (value: unknown) => unknown): unknown[] {
  return EVERYTHING.filter((value) => read(value) !== null);
}

test('each reader takes its own kind and nothing else', () => {
  assert.deepEqual(taken(asObject), [{ a: 1 }]);
  assert.deepEqual(taken(asArray), [[1]]);
  assert.deepEqual(taken(asString), ['x']);
  assert.deepEqual(taken(asNumber), [7, -1, 1.5]);
  assert.deepEqual(taken(asBoolean), [true]);
});

test('a count that is none is 0', () => {
  assert.deepEqual(EVERYTHING.map(asCount), [0, 0, 0, 7, 0, 0, 0, 0, 0, 0]);
});

test('text is an object, or null', () => {
  assert.deepEqual(parseObject('{"a":[1]}'), { a: [1] });
  for (const text of ['', '{', '[]', '"x"', 'null', '1']) assert.equal(parseObject(text), null, text);
});

test('a value is written, unless it is nested too deep for that', () => {
  assert.equal(writeJson({ a: ['\ud800'] }), '{"a":["\\ud800"]}');
  assert.equal(writeJson(undefined), null);
  const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
  assert.equal(writeJson(deep), null);
});
