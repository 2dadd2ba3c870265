import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { RowGenerations, rowGenerationBytes } from '#coordinate/local/row-generations.ts';
import { RowTable } from '#coordinate/local/row-table.ts';
import type { PrimaryToFront } from '#threads/protocol.ts';
import { RowKeeper, type RowKind } from '#threads/row-keeper.ts';
import { FRONTS, makeBlocks, openBlocks } from '../support/shared-tables.ts';
import { within } from '../support/wait-for.ts';
import type { RowStressData, ToPrimary } from './row-stress-worker.ts';

type DropRows = Extract<PrimaryToFront, { type: 'dropRows' }>;

const CAPACITY = 16;

function open() {
  const table = () => new RowTable(CAPACITY, new RowGenerations(new SharedArrayBuffer(rowGenerationBytes(CAPACITY))));
  const rows: Record<RowKind, RowTable> = { users: table(), accounts: table() };
  const busy = new Set<number>();
  const listed = new Set<number>();
  const asked: [number, DropRows][] = [];
  const forgotten: number[] = [];
  const cleared: string[] = [];
  const keeper = new RowKeeper({
    rows,
    isIdle: (_kind, row) => !busy.has(row),
    isListed: (id) => listed.has(id),
    forgetUsers: (ids) => void forgotten.push(...ids),
    clear: (kind, row) => void cleared.push(`${kind} ${row}`),
    fronts: () => [0, 1],
    tell: (front, message) => void asked.push([front, message as DropRows]),
    log: { info: () => {} } as never,
  });
  /** Every front that was asked answers; lets what follows happen. */
  const answer = async (inUse: number[] = []): Promise<void> => {
    for (const [front, { id }] of asked.splice(0)) keeper.answered(front, id, front === 1 ? inUse : []);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const fill = (users: number): void => {
    for (let id = 1; id <= users; id++) rows.users.assign(id);
  };
  return { rows, busy, listed, asked, forgotten, cleared, keeper, answer, fill };
}

test('rows of users are left alone until the table is nearly full, then the longest unused idle one goes', async () => {
  const { rows, busy, asked, forgotten, cleared, keeper, answer, fill } = open();
  fill(CAPACITY - 2);
  keeper.sweep();
  assert.equal(asked.length, 0);
  fill(CAPACITY);
  rows.users.touch(1);
  busy.add(rows.users.find(2)!.row);
  keeper.sweep();
  assert.deepEqual(forgotten, [3]);
  assert.deepEqual(
    asked.map(([front, { kind, rows: dropped }]) => [front, kind, dropped]),
    [0, 1].map((front) => [front, 'users', [2]]),
  );
  await answer();
  assert.equal(rows.users.find(3), undefined);
  assert.deepEqual(cleared, ['users 2']);
  keeper.close();
});

test('a row that a front still uses, that is no longer idle, or that was asked for meanwhile, is kept', async () => {
  const { rows, busy, cleared, keeper, answer, fill } = open();
  fill(CAPACITY);
  keeper.sweep();
  await answer([0]);
  assert.equal(rows.users.find(1)!.row, 0, 'used by an open exchange');
  keeper.sweep();
  busy.add(0);
  await answer();
  assert.equal(rows.users.find(1)!.row, 0, 'a place was taken after the look');
  busy.clear();
  keeper.sweep();
  rows.users.assign(1);
  await answer();
  assert.equal(rows.users.find(1)!.row, 0, 'wanted again');
  assert.deepEqual(cleared, []);
  keeper.close();
});

test('a front that ends instead of answering uses no row', async () => {
  const { rows, asked, keeper, fill } = open();
  fill(CAPACITY);
  keeper.sweep();
  keeper.answered(0, asked[0]![1].id, []);
  keeper.frontGone(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(rows.users.find(1), undefined);
  keeper.close();
});

test('rows are kept when a front does not answer', async () => {
  const { rows, asked, keeper, fill } = open();
  fill(CAPACITY);
  keeper.sweep();
  keeper.answered(0, asked[0]![1].id, []);
  keeper.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(rows.users.find(1)!.row, 0);
});

test('an account that has left the catalog gives its row up, a listed one never', async () => {
  const { rows, listed, cleared, keeper, answer } = open();
  rows.accounts.assign(7);
  rows.accounts.assign(8);
  listed.add(7);
  keeper.sweep();
  await answer();
  assert.deepEqual([rows.accounts.find(7)?.row, rows.accounts.find(8)], [0, undefined]);
  assert.deepEqual(cleared, ['accounts 1']);
  keeper.close();
});

for (const seed of [3, 58, 9_001]) {
  test(`on real threads no front ever uses a row that belongs to somebody else (seed ${seed})`, async () => {
    const blocks = makeBlocks(CAPACITY, 8);
    const { table: slots } = openBlocks(blocks, FRONTS);
    const generations = new SharedArrayBuffer(rowGenerationBytes(CAPACITY));
    const owners = new SharedArrayBuffer(CAPACITY * 4);
    const ownerOf = new Int32Array(owners);
    const users = new RowTable(CAPACITY, new RowGenerations(generations));
    const accounts = new RowTable(1, new RowGenerations(new SharedArrayBuffer(rowGenerationBytes(1))));
    const ports = new Map<number, MessagePort>();
    const keeper = new RowKeeper({
      rows: { users, accounts },
      isIdle: (_kind, row) => slots.demand(row) === 0,
      isListed: () => true,
      forgetUsers: () => {},
      clear: (_kind, row) => {
        ownerOf[row] = 0;
        slots.setLimit(row, 0);
      },
      fronts: () => [...ports.keys()],
      tell: (front, message) => ports.get(front)?.postMessage(message),
      log: { info: () => {} } as never,
    });
    const lookup = (front: number, user: number): void => {
      const seat = users.assign(user);
      if (seat?.fresh) {
        ownerOf[seat.row] = user;
        slots.setLimit(seat.row, 2);
      }
      ports.get(front)!.postMessage({ type: 'seat', user, seat });
    };
    const workers: Worker[] = [];
    const run = (front: number): Promise<number> => {
      const { port1, port2 } = new MessageChannel();
      ports.set(front, port1);
      const shared = { blocks, generations, owners, front, seed: seed * 10 + front, uses: 1_200, users: 40 };
      const workerData: RowStressData = { ...shared, port: port2 };
      const worker = new Worker(new URL('./row-stress-worker.ts', import.meta.url), {
        workerData,
        transferList: [port2],
      });
      workers.push(worker);
      return new Promise((resolve, reject) => {
        worker.once('error', reject);
        port1.on('message', (message: ToPrimary) => {
          if (message.type === 'lookup') lookup(front, message.user);
          else if (message.type === 'rowsDropped') keeper.answered(front, message.id, message.inUse);
          else {
            ports.delete(front);
            keeper.frontGone(front);
            port1.close();
            resolve(message.used);
          }
        });
      });
    };
    try {
      const uses = Promise.all(Array.from({ length: FRONTS }, (_, front) => run(front)));
      await within(`all uses of rows (seed ${seed})`, 30_000, uses);
      assert.ok(users.frees > 100, `${users.frees} rows changed their owner`);
      for (let row = 0; row < CAPACITY; row++) assert.equal(slots.inUse(row), 0);
    } finally {
      keeper.close();
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  });
}
