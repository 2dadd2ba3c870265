import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { generateKey, hashKey, keyPrefix } from '#auth/key.ts';

test('a new key is sk-ps- and 256 random bits, never the same twice', () => {
  const keys = Array.from({ length: 100 }, generateKey);
  for (const key of keys) assert.match(key, /^sk-ps-[A-Za-z0-9_-]{43}$/);
  assert.equal(new Set(keys).size, keys.length);
});

test('what is stored of a key is its SHA-256', () => {
  assert.equal(hashKey('sk-ps-x'), createHash('sha256').update('sk-ps-x').digest('hex'));
});

test('the display prefix tells keys apart and shows at most half of a short one', () => {
  const key = generateKey();
  assert.equal(keyPrefix(key), key.slice(0, 12));
  assert.equal(keyPrefix('sk-ps-12'), 'sk-p');
  assert.equal(keyPrefix('x'), '');
});
