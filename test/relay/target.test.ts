import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeTarget } from '#relay/target.ts';

function poolKey(baseUrl: string, ca: string | null): string {
  return makeTarget({ baseUrl, apiKey: 'k', ca } as never).poolKey;
}

test('accounts share connections when origin and certificate authority are the same, whatever their paths', () => {
  const key = poolKey('https://up.test/a', 'ONE');
  assert.equal(poolKey('https://up.test/b', 'ONE'), key);
  assert.notEqual(poolKey('https://up.test/a', 'TWO'), key);
  assert.notEqual(poolKey('https://up.test/a', null), key);
  assert.notEqual(poolKey('https://up.test:8443/a', 'ONE'), key);
});
