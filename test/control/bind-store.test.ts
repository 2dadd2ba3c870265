/** Control server, catalog file and demo on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '#auth/key.ts';
import { catalogSchema } from '#config/catalog-schema.ts';
import { applyCatalog, type CatalogReport } from '#control/apply-catalog.ts';
import { asOneTransaction, bindStore, pingDatabase } from '#control/bind-store.ts';
import { seedDemoCatalog } from '#control/demo-catalog.ts';
import type { DatabasePool } from '#store/database.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FILE = {
  groups: [{ name: 'main', rateMultiplier: 1.5 }, { name: 'spare' }],
  accounts: [
    {
      name: 'a1',
      baseUrl: 'http://127.0.0.1:9100',
      apiKey: 'sk-up',
      groups: ['main', 'spare'],
      models: ['claude-*'],
      modelMap: { x: 'claude-y' },
    },
    { name: 'a2', baseUrl: 'http://127.0.0.1:9101', apiKey: 'sk-up-2' },
  ],
  users: [{ name: 'u1', balanceUsd: '1000.000000001', concurrency: 7 }],
  keys: [
    {
      user: 'u1',
      group: 'main',
      key: 'sk-ps-k1',
      expiresAt: '2030-01-01',
      allowedModels: ['claude-*'],
      ipAllow: ['10.0.0.0/8'],
    },
    { user: 'u1', group: 'spare', key: 'sk-ps-k2' },
  ],
};

/** As a start does it. */
function apply(db: DatabasePool, file: object): Promise<CatalogReport> {
  return asOneTransaction(db, (store) => applyCatalog(store, catalogSchema.parse(file)));
}

test('a catalog file is in PostgreSQL as written, and applying it again changes nothing', async (t) => {
  const { db } = await freshDatabase(t);
  const store = bindStore(db);
  const read = async () => [
    await store.listUsers(),
    await store.listGroups(),
    await store.listAccounts(),
    await store.listKeys(),
  ];
  const { created, notes } = await apply(db, FILE);
  assert.deepEqual(created, { groups: 2, accounts: 2, users: 1, keys: 2 });
  assert.deepEqual(notes, []);
  const [users, groups, accounts, keys] = [
    await store.listUsers(),
    await store.listGroups(),
    await store.listAccounts(),
    await store.listKeys(),
  ];
  assert.equal(users[0]!.balanceNanoUsd, 1_000_000_000_001n);
  assert.equal(users[0]!.openingNanoUsd, 1_000_000_000_001n);
  assert.deepEqual([users[0]!.status, users[0]!.concurrency], ['active', 7]);
  assert.deepEqual(
    groups.map(({ name, multiplierMicros, accounts: names }) => [name, multiplierMicros, names]),
    [
      ['main', 1_500_000, ['a1']],
      ['spare', 1_000_000, ['a1']],
    ],
  );
  assert.deepEqual(accounts[0]!.groups, ['main', 'spare']);
  assert.deepEqual([accounts[0]!.models, accounts[0]!.modelMap], [['claude-*'], { x: 'claude-y' }]);
  assert.deepEqual([accounts[1]!.groups, accounts[1]!.models, accounts[1]!.modelMap], [[], null, {}]);
  assert.deepEqual(
    [keys[0]!.expiresAtMs, keys[0]!.allowedModels, keys[0]!.ipAllow],
    [Date.UTC(2030, 0, 1), ['claude-*'], ['10.0.0.0/8']],
  );
  assert.deepEqual([keys[1]!.expiresAtMs, keys[1]!.allowedModels, keys[1]!.ipDeny], [null, null, null]);
  const before = await read();
  const again = await apply(db, FILE);
  assert.deepEqual(again, { created: { groups: 0, accounts: 0, users: 0, keys: 0 }, notes: [] });
  assert.deepEqual(await read(), before);
});

test('a later file changes what it names and leaves the rest: groups of an account, what an operator disabled, revoked keys', async (t) => {
  const { db } = await freshDatabase(t);
  const store = bindStore(db);
  await apply(db, FILE);
  await store.setAccountStatus('a1', 'disabled');
  const [match] = await store.matchKeys({ keyHash: hashKey('sk-ps-k1'), id: null, prefix: 'sk-ps-k1' });
  await store.revokeKey(match!.id);
  const later = {
    accounts: [{ ...FILE.accounts[0], groups: ['spare'], priority: 3 }],
    users: [{ name: 'u1', balanceUsd: 5, concurrency: 8 }],
    keys: [FILE.keys[0]],
  };
  const { notes } = await apply(db, later);
  assert.equal(notes.length, 1);
  const [a1, a2] = await store.listAccounts();
  assert.deepEqual([a1!.groups, a1!.priority, a1!.status], [['spare'], 3, 'disabled']);
  assert.equal(a2!.name, 'a2');
  const [user] = await store.listUsers();
  assert.deepEqual([user!.concurrency, user!.balanceNanoUsd], [8, 1_000_000_000_001n]);
  assert.deepEqual(
    (await store.listKeys()).map(({ status }) => status),
    ['revoked', 'active'],
  );
});

test('a name that does not exist stops the catalog, and nothing of that entry is written', async (t) => {
  const { db } = await freshDatabase(t);
  const store = bindStore(db);
  const broken = { ...FILE, accounts: [{ ...FILE.accounts[0], groups: ['main', 'nowhere'] }] };
  await assert.rejects(apply(db, broken), /catalog\.accounts\[0\]: there is no group named nowhere/);
  assert.deepEqual(await store.listAccounts(), []);
});

test('the admin API works on PostgreSQL from an empty database to a revoked key', async (t) => {
  const { db } = await freshDatabase(t);
  const gateway = await FakeGateway.start({ store: bindStore(db) });
  t.after(() => gateway.server.close());
  const made = async (path: string, body: object) => {
    const response = await gateway.call('POST', `/admin/v1/${path}`, body);
    const answer = (await response.json()) as Record<string, unknown>;
    assert.equal(response.status, 201, JSON.stringify(answer));
    return answer;
  };
  await made('groups', { name: 'main' });
  await made('users', { name: 'u1', balanceUsd: 10 });
  await made('accounts', { name: 'a1', baseUrl: 'http://127.0.0.1:1', apiKey: 'k', groups: ['main'] });
  const { key } = (await made('keys', { user: 'u1', group: 'main', ipDeny: ['::1'] })) as { key: string };
  const { keys } = (await (await gateway.call('GET', '/admin/v1/keys')).json()) as { keys: Record<string, unknown>[] };
  assert.deepEqual([keys.length, keys[0]!['prefix'], keys[0]!['ipDeny']], [1, key.slice(0, 12), ['::1']]);
  assert.equal((await gateway.call('POST', '/admin/v1/keys', { user: 'nobody', group: 'main' })).status, 404);
  assert.equal((await gateway.call('PATCH', '/admin/v1/accounts/a1', { status: 'disabled' })).status, 200);
  assert.equal((await gateway.call('POST', '/admin/v1/keys/revoke', { key: key.slice(0, 12) })).status, 200);
  assert.equal((await gateway.store.listKeys())[0]!.status, 'revoked');
  const usage = (await (await gateway.call('GET', '/admin/v1/usage')).json()) as Record<string, unknown>;
  assert.deepEqual(usage, {
    requests: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 0,
    mediaSeconds: 0,
    chargedNanoUsd: '0',
    rows: [],
  });
});

test('the demo seeds an empty database and finds its own things again', async (t) => {
  const { db } = await freshDatabase(t);
  const store = bindStore(db);
  const dataDir = tempFolder(t);
  const first = await seedDemoCatalog(store, { dataDir, upstream: { baseUrl: 'http://127.0.0.1:1', apiKey: 'mock' } });
  const second = await seedDemoCatalog(store, { dataDir, upstream: { baseUrl: 'http://127.0.0.1:2', apiKey: 'mock' } });
  assert.equal(first, second);
  assert.equal((await store.listAccounts())[0]!.baseUrl, 'http://127.0.0.1:2');
  assert.equal((await store.listUsers())[0]!.balanceNanoUsd, 100_000_000_000n);
});

test('a database that is there is pinged, one that is not is a rejection in time', async (t) => {
  const { url } = await freshDatabase(t);
  const limits = { statementTimeoutMs: 10_000, connectTimeoutMs: 10_000 };
  assert.match((await pingDatabase(url, limits)).version, /^\d+/);
  await assert.rejects(pingDatabase('postgres://x:y@127.0.0.1:1/z', limits));
});

/** Each account in one of three groups, told by its number. */
function largeFile(accounts: number): { groups: object[]; accounts: object[] } {
  return {
    groups: [{ name: 'g0' }, { name: 'g1' }, { name: 'g2' }],
    accounts: Array.from({ length: accounts }, (_, i) => ({
      name: `a${i}`,
      baseUrl: 'http://127.0.0.1:9100',
      apiKey: `sk-up-${i}`,
      groups: [`g${i % 3}`],
    })),
  };
}

test('a file of two thousand accounts is one transaction, done in its order and again without effect', async (t) => {
  const { db } = await freshDatabase(t);
  const file = largeFile(2_000);
  assert.deepEqual((await apply(db, file)).created, { groups: 3, accounts: 2_000, users: 0, keys: 0 });
  const rows = await db<{ name: string; groups: string }[]>`
    select accounts.name, string_agg(groups.name, ' ') as groups
    from accounts join account_groups on account_id = accounts.id join groups on group_id = groups.id
    group by accounts.id order by accounts.id`;
  assert.equal(rows.length, 2_000);
  for (const [i, row] of rows.entries()) assert.deepEqual([row.name, row.groups], [`a${i}`, `g${i % 3}`]);
  const [made] = await db<
    { transactions: number }[]
  >`select count(distinct xmin::text)::int as transactions from accounts`;
  assert.equal(made!.transactions, 1);
  assert.deepEqual((await apply(db, file)).created, { groups: 0, accounts: 0, users: 0, keys: 0 });
});

test('a file with one wrong reference changes nothing', async (t) => {
  const { db } = await freshDatabase(t);
  const strange = { ...largeFile(300), keys: [{ user: 'nobody', group: 'g0', key: 'sk-ps-k1' }] };
  await assert.rejects(apply(db, strange), /^StartupError: catalog\.keys\[0\]: there is no user named nobody$/);
  const lost = { name: 'a300', baseUrl: 'http://127.0.0.1:9100', apiKey: 'k', groups: ['g0', 'nowhere', 'elsewhere'] };
  const { groups, accounts } = largeFile(300);
  const file = { groups, accounts: [...accounts.slice(0, 270), lost, ...accounts.slice(270)] };
  await assert.rejects(apply(db, file), /catalog\.accounts\[270\]: there is no group named nowhere/);
  const store = bindStore(db);
  assert.deepEqual([(await store.listGroups()).length, (await store.listAccounts()).length], [0, 0]);
});
