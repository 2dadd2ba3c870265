import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonExtent } from '#wire/convert/json-extent.ts';

test('a value is whole with its outermost bracket, and what follows does not belong to it', () => {
  const extent = new JsonExtent();
  assert.equal(extent.take(' {"a":[{}]'), ' {"a":[{}]');
  assert.equal(extent.whole, false);
  assert.equal(extent.take('} {"b"'), '}');
  assert.equal(extent.whole, true);
  assert.equal(extent.take('{}'), '');
});

test('brackets and quotes inside strings do not count, wherever the pieces are cut', () => {
  const value = '{"}":"]\\"}\\\\","x":["\\u007d"]}';
  for (let cut = 0; cut < value.length; cut++) {
    const extent = new JsonExtent();
    extent.take(value.slice(0, cut));
    assert.equal(extent.whole, false, `cut at ${cut}`);
    extent.take(value.slice(cut));
    assert.equal(extent.whole, true, `cut at ${cut}`);
  }
});

test('text without a bracket is never whole', () => {
  const extent = new JsonExtent();
  assert.equal(extent.take('"{}" 7 null'), '"{}" 7 null');
  assert.equal(extent.whole, false);
});
