import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '#auth/key.ts';
import { PLATFORMS } from '#base/protocols.ts';
import type { Database } from '#store/database.ts';
import { findAccount } from '#store/find-account.ts';
import { findPrincipals } from '#store/find-principals.ts';
import { listAccounts } from '#store/list-accounts.ts';
import { listGroups } from '#store/list-groups.ts';
import { listKeys } from '#store/list-keys.ts';
import { listUsers } from '#store/list-users.ts';
import { loadCatalog } from '#store/load-catalog.ts';
import { loadKeyHashes } from '#store/load-key-hashes.ts';
import { matchKeys } from '#store/match-keys.ts';
import { type AccountWish, putAccount } from '#store/put-account.ts';
import { putGroup } from '#store/put-group.ts';
import { type KeyWish, putKey } from '#store/put-key.ts';
import { putUser } from '#store/put-user.ts';
import { revokeKey } from '#store/revoke-key.ts';
import { setAccountStatus } from '#store/set-account-status.ts';
import { freshDatabase } from '../support/postgres.ts';

const USER = { name: 'alice', concurrency: 7, status: 'active', balanceNanoUsd: 5_000_000_000n } as const;
const GROUP = { name: 'main', platform: 'anthropic', multiplierMicros: 1_500_000, modelPlatforms: {} } as const;

function accountWish(fields: Partial<AccountWish> = {}): AccountWish {
  return {
    name: 'a1',
    platform: 'anthropic',
    type: 'apikey',
    baseUrl: 'http://127.0.0.1:9100',
    apiKey: 'sk-up',
    concurrency: 10,
    priority: 5,
    status: 'active',
    models: null,
    modelMap: { 'claude-a': 'claude-b' },
    ca: null,
    protocols: null,
    settings: {},
    groups: ['main'],
    ...fields,
  };
}

function keyWish(key: string, fields: Partial<KeyWish> = {}): KeyWish {
  return {
    keyHash: hashKey(key),
    prefix: key.slice(0, 12),
    name: '',
    user: 'alice',
    group: 'main',
    expiresAtMs: null,
    allowedModels: null,
    ipAllow: null,
    ipDeny: null,
    ...fields,
  };
}

async function seed(db: Database): Promise<void> {
  await putGroup(db, GROUP);
  await putUser(db, USER);
  await putAccount(db, accountWish());
}

test('putting the same thing twice creates it once and brings it to the newer wish', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  assert.equal((await putGroup(db, { ...GROUP, multiplierMicros: 2_000_000 })).created, false);
  assert.equal((await putAccount(db, accountWish({ priority: 1, models: ['claude-*'] }))).created, false);
  assert.equal((await putKey(db, keyWish('sk-ps-one'))).created, true);
  assert.equal((await putKey(db, keyWish('sk-ps-one', { name: 'laptop' }))).created, false);
  const { groups, accounts } = await loadCatalog(db);
  assert.deepEqual(groups, [{ id: 1, ...GROUP, multiplierMicros: 2_000_000, accounts: [1] }]);
  assert.deepEqual(accounts, [
    {
      id: 1,
      name: 'a1',
      platform: 'anthropic',
      baseUrl: 'http://127.0.0.1:9100',
      apiKey: 'sk-up',
      priority: 1,
      concurrency: 10,
      status: 'active',
      modelMap: { 'claude-a': 'claude-b' },
      models: ['claude-*'],
      ca: null,
      protocols: null,
      settings: {},
    },
  ]);
  assert.equal((await listKeys(db))[0]!.name, 'laptop');
});

test('a balance is entered once, when the user is created', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  const again = await putUser(db, { ...USER, balanceNanoUsd: 99n, concurrency: 8 });
  assert.equal(again.created, false);
  const [user] = await listUsers(db);
  assert.deepEqual([user!.balanceNanoUsd, user!.openingNanoUsd], [5_000_000_000n, 5_000_000_000n]);
  assert.equal(user!.concurrency, 8);
  assert.equal((await db`select 1 from ledger_entries`).length, 1);
});

test('an account is in exactly the groups of its wish; a group that does not exist changes nothing', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  await putGroup(db, { ...GROUP, name: 'other' });
  await putAccount(db, accountWish({ groups: ['other'] }));
  assert.deepEqual(
    (await listGroups(db)).map((group) => [group.name, group.accounts]),
    [
      ['main', []],
      ['other', ['a1']],
    ],
  );
  const wish = accountWish({ groups: ['main', 'none'], priority: 99 });
  await assert.rejects(putAccount(db, wish), { name: 'UnknownName', message: 'there is no group named none' });
  await putAccount(db, accountWish({ groups: [] }));
  const [account] = await listAccounts(db);
  assert.deepEqual([account!.priority, account!.groups], [5, []]);
  assert.equal('apiKey' in account!, false);
});

test('a catalog of several platforms is in the snapshot as it was wished', async (t) => {
  const { db } = await freshDatabase(t);
  const modelPlatforms = { 'gpt-*': 'openai', 'claude-*': 'anthropic' } as const;
  await putGroup(db, { ...GROUP, platform: 'openai', modelPlatforms });
  const settings = { videosPath: '/v1/videos', pollSeconds: 2, stream: false };
  for (const platform of PLATFORMS) {
    await putAccount(db, accountWish({ name: platform, platform, protocols: ['chat', 'embeddings'], settings }));
  }
  const { groups, accounts } = await loadCatalog(db);
  assert.deepEqual([groups[0]!.platform, groups[0]!.modelPlatforms], ['openai', modelPlatforms]);
  assert.deepEqual(
    accounts.map(({ platform }) => platform),
    PLATFORMS,
  );
  for (const account of [...accounts, ...(await listAccounts(db)), (await findAccount(db, 'sora'))!]) {
    assert.deepEqual([account.protocols, account.settings], [['chat', 'embeddings'], settings]);
  }
  assert.deepEqual((await listGroups(db))[0]!.modelPlatforms, modelPlatforms);
  await assert.rejects(putAccount(db, accountWish({ platform: 'other' as 'openai' })), /accounts_platform_check/);
});

test('the version before, which does not know the new columns, makes and changes groups and accounts as it did', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  await putAccount(db, accountWish({ platform: 'openai', protocols: ['chat'], settings: { a: 1 } }));
  await db`
    insert into groups (name, platform, multiplier_micros) values ('main', 'anthropic', 7), ('new', 'anthropic', 7)
    on conflict (name) do update set platform = excluded.platform, multiplier_micros = excluded.multiplier_micros`;
  await db`
    insert into accounts (name, platform, type, base_url, api_key, concurrency, priority)
    values ('a1', 'openai', 'apikey', 'http://x', 'k', 1, 1), ('a2', 'anthropic', 'apikey', 'http://x', 'k', 1, 1)
    on conflict (name) do update set api_key = excluded.api_key`;
  const { groups, accounts } = await loadCatalog(db);
  assert.deepEqual(
    groups.map(({ name, modelPlatforms }) => [name, modelPlatforms]),
    [
      ['main', {}],
      ['new', {}],
    ],
  );
  assert.deepEqual(
    accounts.map(({ protocols, settings }) => [protocols, settings]),
    [
      [['chat'], { a: 1 }],
      [null, {}],
    ],
  );
});

test('a key needs a user and a group that exist', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  await assert.rejects(putKey(db, keyWish('k', { user: 'bob' })), { message: 'there is no user named bob' });
  await assert.rejects(putKey(db, keyWish('k', { group: 'none' })), { message: 'there is no group named none' });
  assert.deepEqual(await loadKeyHashes(db, 0), []);
});

test('many keys are resolved in one answer; unknown ones are missing', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  const expiresAtMs = Date.UTC(2030, 1, 2, 3, 4, 5);
  const limits = { allowedModels: ['claude-*'], ipAllow: ['10.0.0.0/8'], ipDeny: ['10.1.0.0/16'], expiresAtMs };
  await putKey(db, keyWish('one', limits));
  await putKey(db, keyWish('two'));
  const found = await findPrincipals(db, [hashKey('two'), hashKey('none'), hashKey('one')]);
  assert.equal(found.length, 2);
  assert.deepEqual(
    found.find((row) => row.keyHash === hashKey('one')),
    {
      keyId: 1,
      keyHash: hashKey('one'),
      keyStatus: 'active',
      ...limits,
      userId: 1,
      userName: 'alice',
      userStatus: 'active',
      groupId: 1,
      groupName: 'main',
      multiplierMicros: 1_500_000,
      concurrency: 7,
      balanceNanoUsd: 5_000_000_000n,
    },
  );
});

test('a revoked key stays revoked, whatever a file wishes', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  const { id } = await putKey(db, keyWish('sk-ps-abcdefgh'));
  await revokeKey(db, id);
  await putKey(db, keyWish('sk-ps-abcdefgh'));
  assert.equal((await findPrincipals(db, [hashKey('sk-ps-abcdefgh')]))[0]!.keyStatus, 'revoked');
});

test('a key is found by itself, by id and by the beginning of its prefix', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  await putKey(db, keyWish('sk-ps-abcdefgh'));
  await putKey(db, keyWish('sk-ps-zzzzzzzz'));
  const none = { keyHash: '', id: null, prefix: '' };
  const ids = async (selector: object) => (await matchKeys(db, { ...none, ...selector })).map((key) => key.id);
  assert.deepEqual(await ids({}), []);
  assert.deepEqual(await ids({ keyHash: hashKey('sk-ps-zzzzzzzz') }), [2]);
  assert.deepEqual(await ids({ id: 1 }), [1]);
  assert.deepEqual(await ids({ prefix: 'sk-ps-ab' }), [1]);
  assert.deepEqual(await ids({ prefix: 'sk-ps-' }), [1, 2]);
  assert.deepEqual(await ids({ prefix: '%' }), []);
});

test('an account is taken out of use by name, and found with its credential', async (t) => {
  const { db } = await freshDatabase(t);
  await seed(db);
  assert.equal(await setAccountStatus(db, 'a1', 'disabled'), true);
  assert.equal(await setAccountStatus(db, 'none', 'disabled'), false);
  assert.equal((await listAccounts(db))[0]!.status, 'disabled');
  assert.deepEqual(await findAccount(db, 'a1'), {
    platform: 'anthropic',
    baseUrl: 'http://127.0.0.1:9100',
    apiKey: 'sk-up',
    models: null,
    ca: null,
    protocols: null,
    settings: {},
  });
  assert.equal(await findAccount(db, 'none'), null);
});
