import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExact } from '#wire/convert/exact-json.ts';
import { jsonChars } from '#wire/convert/json-chars.ts';

test('texts, names and every value count', () => {
  assert.equal(jsonChars(null), 8);
  assert.equal(jsonChars('abc'), 11);
  assert.equal(jsonChars({ ab: 'c' }), 8 + 2 + 9);
  assert.equal(jsonChars([1, [], { a: true }]), 8 + 8 + 8 + 8 + 1 + 8);
});

test('a number that is kept as it was written counts with its digits', () => {
  assert.ok(jsonChars(parseExact(`{"n":1${'0'.repeat(1_000)}}`)) > 1_000);
});

test('how deep a value is nested does not matter', () => {
  const depth = 200_000;
  assert.equal(jsonChars(JSON.parse('['.repeat(depth) + ']'.repeat(depth))), 8 * depth);
});
