import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printConfig } from '#config/print.ts';
import { fileSchema } from '#config/schema.ts';

const parsed = fileSchema.parse({
  control: { token: 'hidden-token' },
  database: { url: 'postgres://u:hidden-password@h/d' },
  catalog: {
    accounts: [{ name: 'a', baseUrl: 'http://127.0.0.1:1', apiKey: 'hidden-credential' }],
    keys: [{ user: 'u', group: 'g', key: 'sk-ps-hidden' }],
  },
});

test('the printed configuration shows every secret as a mark', () => {
  const { catalog, ...config } = parsed;
  const text = printConfig(config, catalog);
  assert.doesNotMatch(text, /hidden/);
  assert.equal(text.match(/"\*\*\*"/g)?.length, 4);
  assert.match(text, /^listen:\n {2}host: 127\.0\.0\.1\n {2}port: 8080\n/);
});

test('without a catalog none is printed', () => {
  const { catalog: _catalog, ...config } = parsed;
  assert.doesNotMatch(printConfig(config, null), /catalog/);
});
