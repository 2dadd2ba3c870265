import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { hashKey } from '#auth/key.ts';
import type { Database } from '#store/database.ts';
import { type CatalogChange, listenCatalog } from '#store/listen-catalog.ts';
import { putAccount } from '#store/put-account.ts';
import { putGroup } from '#store/put-group.ts';
import { putKey } from '#store/put-key.ts';
import { putUser } from '#store/put-user.ts';
import { revokeKey } from '#store/revoke-key.ts';
import { setAccountStatus } from '#store/set-account-status.ts';
import { freshDatabase } from '../support/postgres.ts';
import { waitFor, within } from '../support/wait-for.ts';

const GROUP = { name: 'main', platform: 'anthropic', multiplierMicros: 1_000_000, modelPlatforms: {} } as const;
const USER = { name: 'alice', concurrency: 7, status: 'active', balanceNanoUsd: 5n } as const;

async function addKey(db: Database, key: string): Promise<number> {
  const rules = { expiresAtMs: null, allowedModels: null, ipAllow: null, ipDeny: null };
  const names = { prefix: key, name: '', user: 'alice', group: 'main' };
  return (await putKey(db, { keyHash: hashKey(key), ...names, ...rules })).id;
}

async function listen(t: TestContext, url: string) {
  const changes: CatalogChange[] = [];
  const live: boolean[] = [];
  const handlers = {
    onChange: (change: CatalogChange) => void changes.push(change),
    onLive: (state: boolean) => void live.push(state),
  };
  const listener = await waitFor('a live channel', () => listenCatalog(url, handlers).catch(() => null));
  t.after(() => listener.close());
  return { changes, live, listener };
}

/** The changes that one piece of work was notified of. */
async function changesOf(
  changes: CatalogChange[],
  count: number,
  work: () => Promise<unknown>,
): Promise<CatalogChange[]> {
  changes.length = 0;
  await work();
  await waitFor(`${count} notifications`, () => changes.length >= count);
  return [...changes];
}

test('each change of the catalog names what is wrong now; balances never do', async (t) => {
  const { db, url } = await freshDatabase(t);
  await putGroup(db, GROUP);
  await putUser(db, USER);
  const { changes } = await listen(t, url);
  const one = hashKey('one');
  const [created] = await changesOf(changes, 1, () => addKey(db, 'one'));
  assert.deepEqual(created, { table: 'keys', id: 1, keyHashes: [one] });
  assert.deepEqual(await changesOf(changes, 1, () => revokeKey(db, 1)), [created]);
  const user = await changesOf(changes, 1, () => putUser(db, { ...USER, status: 'disabled' }));
  assert.deepEqual(user, [{ table: 'users', id: 1, keyHashes: [one] }]);
  const group = await changesOf(changes, 1, () => putGroup(db, { ...GROUP, multiplierMicros: 2_000_000 }));
  assert.deepEqual(group, [{ table: 'groups', id: 1, keyHashes: [one] }]);
  const served = () => db`update groups set model_platforms = '{"gpt-*": "openai"}'`;
  assert.deepEqual(await changesOf(changes, 1, served), group);
  const account = {
    name: 'a1',
    platform: 'anthropic',
    type: 'apikey',
    baseUrl: 'http://localhost',
    apiKey: 'x',
    concurrency: 1,
    priority: 1,
    status: 'active',
    models: null,
    modelMap: {},
    protocols: null,
    settings: {},
    ca: null,
    groups: ['main'],
  } as const;
  const added = await changesOf(changes, 2, () => putAccount(db, { ...account, groups: [...account.groups] }));
  assert.deepEqual(added.map((change) => change.table).sort(), ['account_groups', 'accounts']);
  const [disabled] = await changesOf(changes, 1, () => setAccountStatus(db, 'a1', 'disabled'));
  assert.deepEqual(disabled, { table: 'accounts', id: 1 });
  const quiet = await changesOf(changes, 1, async () => {
    await db`update balances set nano_usd = nano_usd - 1`;
    await putUser(db, { ...USER, status: 'disabled' }); // nothing new
    await addKey(db, 'last');
  });
  assert.deepEqual(
    quiet.map((change) => change.keyHashes),
    [[hashKey('last')]],
  );
});

test('a user with more keys than a notification holds stands for all keys', async (t) => {
  const { db, url } = await freshDatabase(t);
  await putGroup(db, GROUP);
  await putUser(db, USER);
  await db`
    insert into keys (key_hash, prefix, user_id, group_id)
    select encode(sha256(i::text::bytea), 'hex'), 'k', 1, 1 from generate_series(1, 101) i`;
  const { changes } = await listen(t, url);
  const [change] = await changesOf(changes, 1, () => putUser(db, { ...USER, concurrency: 9 }));
  assert.deepEqual(change, { table: 'users', id: 1, keyHashes: [] });
  const fewer = await changesOf(changes, 2, async () => {
    await db`delete from keys where id = (select max(id) from keys)`;
    await putUser(db, { ...USER, concurrency: 10 });
  });
  assert.equal(fewer.find((some) => some.table === 'users')!.keyHashes!.length, 100);
});

test('a cut connection is noticed and remade', async (t) => {
  const { db, url, terminate } = await freshDatabase(t);
  await putGroup(db, GROUP);
  const { changes, live } = await listen(t, url);
  assert.equal(await terminate('penstock catalog'), 1);
  await waitFor('a live channel again', () => live.length === 2);
  assert.deepEqual(live, [false, true]);
  const [change] = await changesOf(changes, 1, () => putGroup(db, { ...GROUP, multiplierMicros: 3 }));
  assert.equal(change!.table, 'groups');
});

test('a connection that went silent is lost within two seconds, and live again when the server is', async (t) => {
  const { url, server } = await freshDatabase(t);
  const { live, listener } = await listen(t, url);
  const tookMs: number[] = [];
  // A busy machine may need another try.
  while (tookMs.length < 3 && !tookMs.some((ms) => ms < 2000)) {
    const startMs = performance.now();
    const thaw = server.freeze();
    try {
      await waitFor('the loss', () => live.at(-1) === false);
      tookMs.push(performance.now() - startMs);
      assert.equal(listener.live, false);
    } finally {
      thaw();
    }
    await waitFor('a live channel again', () => live.at(-1) === true);
  }
  assert.ok(tookMs.at(-1)! < 2000, `${tookMs} ms`);
});

test('a server that is not there is an error at the first try', async () => {
  const listening = listenCatalog('postgres://nobody@127.0.0.1:1/none', { onChange: () => {}, onLive: () => {} });
  await assert.rejects(within('an answer', 3000, listening));
});
