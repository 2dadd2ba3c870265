import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import { unpack } from '#base/msgpack.ts';
import { AccountHealth, accountHealthBytes, REST_AUTH } from '#coordinate/local/account-health.ts';
import { RowGenerations, rowGenerationBytes } from '#coordinate/local/row-generations.ts';
import { RowTable } from '#coordinate/local/row-table.ts';
import type { CatalogAccount, CatalogRows } from '#store/load-catalog.ts';
import { CatalogKeeper } from '#threads/catalog-keeper.ts';
import type { PrimaryToFront, Snapshot } from '#threads/protocol.ts';
import { makeBlocks, openBlocks } from '../support/shared-tables.ts';
import { waitFor } from '../support/wait-for.ts';

const ROWS = 2;

function account(id: number, change: Partial<CatalogAccount> = {}): CatalogAccount {
  return {
    id,
    name: `a${id}`,
    platform: 'anthropic',
    baseUrl: 'http://127.0.0.1:1',
    apiKey: 'k',
    priority: 10,
    concurrency: 3,
    status: 'active',
    modelMap: {},
    ca: null,
    models: null,
    protocols: null,
    settings: {},
    ...change,
  };
}

function open() {
  const { table: slots } = openBlocks(makeBlocks(ROWS, 4), 0);
  const health = new AccountHealth(new SharedArrayBuffer(accountHealthBytes(ROWS)), ROWS);
  const state: { rows: CatalogRows; failing: number; loads: number } = {
    rows: { groups: [], accounts: [] },
    failing: 0,
    loads: 0,
  };
  const published: Snapshot[] = [];
  const log = { warn: () => {}, error: () => {} } as never;
  const keeper = new CatalogKeeper(
    async () => {
      state.loads++;
      if (state.failing-- > 0) throw new Error('away');
      return state.rows;
    },
    {
      rows: new RowTable(ROWS, new RowGenerations(new SharedArrayBuffer(rowGenerationBytes(ROWS)))),
      limits: slots,
      health,
    },
    log,
    (message: PrimaryToFront) => {
      if (message.type === 'snapshot') published.push(unpack(message.bytes) as Snapshot);
    },
  );
  return { keeper, state, published, slots, health };
}

test('snapshots are numbered, whole, and give each account its row and limit', async () => {
  const { keeper, state, published, slots } = open();
  state.rows = { groups: [], accounts: [account(7), account(9, { concurrency: 5 })] };
  await keeper.reload();
  state.rows = { groups: [], accounts: [account(9, { concurrency: 6 })] };
  await keeper.reload();
  assert.deepEqual(
    published.map(({ version, accounts }) => [version, accounts.map(({ id, row }) => [id, row])]),
    [
      [
        1,
        [
          [7, 0],
          [9, 1],
        ],
      ],
      [2, [[9, 1]]],
    ],
  );
  assert.equal(slots.limit(1), 6);
});

test('changes that come together are one reload, repeated while PostgreSQL does not answer', async () => {
  const { keeper, state, published } = open();
  state.failing = 1;
  for (let i = 0; i < 10; i++) keeper.reloadSoon();
  await waitFor('the snapshot', () => published.length === 1);
  assert.equal(state.loads, 2);
  keeper.close();
});

test('an account that its operator changed begins with a clean bill of health', async () => {
  const { keeper, state, health } = open();
  state.rows = { groups: [], accounts: [account(7)] };
  await keeper.reload();
  health.rest(0, 60_000, REST_AUTH);
  await keeper.reload();
  assert.ok(health.restUntil(0, 0, nowMs()) > nowMs(), 'an unchanged account goes on resting');
  const changes: Partial<CatalogAccount>[] = [{ apiKey: 'new' }, { platform: 'openai' }, { settings: { path: '/x' } }];
  for (const change of changes) {
    health.rest(0, 60_000, REST_AUTH);
    state.rows = { groups: [], accounts: [account(7, change)] };
    await keeper.reload();
    assert.ok(health.restUntil(0, 0, nowMs()) <= nowMs(), JSON.stringify(change));
  }
});

test('an account beyond the table is left out, the others serve', async () => {
  const { keeper, state, published } = open();
  state.rows = { groups: [], accounts: [account(1), account(2), account(3)] };
  await keeper.reload();
  assert.deepEqual(
    published[0]!.accounts.map(({ id }) => id),
    [1, 2],
  );
});
