/** A deployment in text: applied by name, again and again, deleting nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '#auth/key.ts';
import { StartupError } from '#base/startup-error.ts';
import { catalogSchema } from '#config/catalog-schema.ts';
import { applyCatalog } from '#control/apply-catalog.ts';
import { demoUpstreamFrom, seedDemoCatalog, wantsDemo } from '#control/demo-catalog.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FILE = {
  groups: [{ name: 'main', rateMultiplier: 0.123457 }],
  accounts: [{ name: 'a1', baseUrl: 'http://127.0.0.1:9100', apiKey: 'sk-up', groups: ['main'] }],
  users: [{ name: 'u1', balanceUsd: '0.000000001' }],
  keys: [{ user: 'u1', group: 'main', key: 'sk-ps-k1', expiresAt: '2030-01-01' }],
};

test('a catalog is created, applied again without effect, and changed by name', async () => {
  const store = new MemoryStore();
  const first = await applyCatalog(store, catalogSchema.parse(FILE));
  assert.deepEqual(first, { created: { groups: 1, accounts: 1, users: 1, keys: 1 }, notes: [] });
  assert.equal(store.groups[0]!.multiplierMicros, 123_457);
  assert.equal(store.users[0]!.balanceNanoUsd, 1n);
  assert.equal(store.keys[0]!.keyHash, hashKey('sk-ps-k1'));
  assert.equal(store.keys[0]!.expiresAtMs, Date.UTC(2030, 0, 1));
  const second = await applyCatalog(store, catalogSchema.parse(FILE));
  assert.deepEqual(second, { created: { groups: 0, accounts: 0, users: 0, keys: 0 }, notes: [] });
  const account = { ...FILE.accounts[0], concurrency: 99 };
  await applyCatalog(store, catalogSchema.parse({ accounts: [account] }));
  assert.equal(store.accounts.length, 1);
  assert.equal(store.accounts[0]!.concurrency, 99);
  assert.deepEqual([store.groups.length, store.users.length, store.keys.length], [1, 1, 1]);
});

test('platforms, protocols and settings of a file arrive as written', async () => {
  const store = new MemoryStore();
  const account = { ...FILE.accounts[0], platform: 'openai', protocols: ['chat'], settings: { organization: 'org-1' } };
  const group = { name: 'main', platform: 'openai', modelPlatforms: { 'claude-*': 'anthropic' } };
  await applyCatalog(store, catalogSchema.parse({ groups: [group], accounts: [account] }));
  const { platform, protocols, settings } = store.accounts[0]!;
  assert.deepEqual(
    { platform, protocols, settings },
    { platform: 'openai', protocols: ['chat'], settings: { organization: 'org-1' } },
  );
  assert.deepEqual(
    [store.groups[0]!.platform, store.groups[0]!.modelPlatforms],
    ['openai', { 'claude-*': 'anthropic' }],
  );
});

test('a changed opening balance is reported, not applied', async () => {
  const store = new MemoryStore();
  await applyCatalog(store, catalogSchema.parse(FILE));
  const { notes } = await applyCatalog(store, catalogSchema.parse({ users: [{ name: 'u1', balanceUsd: 5 }] }));
  assert.deepEqual(notes, ['catalog.users: u1 was opened with 0.000000001 USD; the 5.00 of the file are not applied']);
  assert.equal(store.users[0]!.balanceNanoUsd, 1n);
});

test('a reference to a name that does not exist is a readable refusal to start', async () => {
  const cases = [
    [
      { ...FILE, accounts: [{ ...FILE.accounts[0], groups: ['nowhere'] }] },
      'catalog.accounts[0]: there is no group named nowhere',
    ],
    [{ ...FILE, keys: [{ ...FILE.keys[0], user: 'nobody' }] }, 'catalog.keys[0]: there is no user named nobody'],
  ] as const;
  for (const [file, message] of cases) {
    await assert.rejects(applyCatalog(new MemoryStore(), catalogSchema.parse(file)), (error) => {
      assert.ok(error instanceof StartupError);
      assert.equal(error.message, message);
      return true;
    });
  }
});

test('the demo prints the same key at every start, and its account follows the upstream', async (t) => {
  const dataDir = tempFolder(t);
  const store = new MemoryStore();
  assert.ok(await wantsDemo(store));
  const key = await seedDemoCatalog(store, { dataDir, upstream: { baseUrl: 'http://127.0.0.1:1', apiKey: 'mock' } });
  assert.match(key, /^sk-ps-/);
  assert.ok(await wantsDemo(store));
  const again = await seedDemoCatalog(store, { dataDir, upstream: { baseUrl: 'http://127.0.0.1:2', apiKey: 'real' } });
  assert.equal(again, key);
  assert.deepEqual([store.users.length, store.groups.length, store.accounts.length, store.keys.length], [1, 1, 1, 1]);
  assert.equal(store.users[0]!.balanceNanoUsd, 100_000_000_000n);
  assert.equal(store.accounts[0]!.baseUrl, 'http://127.0.0.1:2');
  assert.equal(store.accounts[0]!.apiKey, 'real');
  await store.putAccount({ ...store.accounts[0]!, type: 'apikey', platform: 'anthropic', name: 'own' });
  assert.ok(!(await wantsDemo(store)), 'accounts of somebody else');
});

test('the environment names a real upstream, with a default address', () => {
  assert.equal(demoUpstreamFrom({}), null);
  assert.equal(demoUpstreamFrom({ ANTHROPIC_API_KEY: '' }), null);
  assert.deepEqual(demoUpstreamFrom({ ANTHROPIC_API_KEY: 'k' }), { apiKey: 'k', baseUrl: 'https://api.anthropic.com' });
  const named = demoUpstreamFrom({ ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' });
  assert.equal(named?.baseUrl, 'http://127.0.0.1:1');
});
