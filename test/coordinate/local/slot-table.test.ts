import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { FRONTS, makeBlocks, openBlocks, PREDECESSOR, type TableBlocks } from '../../support/shared-tables.ts';

function waiter(log: string[], name: string) {
  return { onGranted: () => void log.push(name) };
}

test('a row gives out as many places as its limit, and takes them back', () => {
  const { table } = openBlocks(makeBlocks(2, 4), 0);
  table.setLimit(1, 2);
  assert.equal(table.tryTake(1), true);
  assert.equal(table.tryTake(1), true);
  assert.equal(table.tryTake(1), false);
  assert.equal(table.tryTake(0), false, 'a row without a limit has no places');
  table.release(1);
  assert.equal(table.inUse(1), 1);
  assert.equal(table.held(0, 1), 1);
  assert.equal(table.tryTake(1), true);
});

test('waiters on different fronts get places in the order in which they came', () => {
  const blocks = makeBlocks(1, 8);
  const fronts = [0, 1, 2].map((front) => openBlocks(blocks, front));
  const [first, second, third] = fronts as [(typeof fronts)[0], (typeof fronts)[0], (typeof fronts)[0]];
  first.table.setLimit(0, 1);
  assert.equal(first.table.tryTake(0), true);
  const log: string[] = [];
  second.room.wait(second.table, 0, waiter(log, 'second'));
  third.room.wait(third.table, 0, waiter(log, 'third'));
  first.table.release(0);
  for (const { room } of fronts) room.wakeGranted();
  assert.deepEqual(log, ['second']);
  assert.equal(first.table.tryTake(0), false, 'a newcomer does not overtake a granted or waiting ticket');
  second.table.release(0);
  for (const { room } of fronts) room.wakeGranted();
  assert.deepEqual(log, ['second', 'third']);
  assert.equal(third.table.held(2, 0), 1);
  third.table.release(0);
  assert.equal(first.table.inUse(0), 0);
});

test('a leaver at the head of the queue is passed over', () => {
  const blocks = makeBlocks(1, 8);
  const a = openBlocks(blocks, 0);
  const b = openBlocks(blocks, 1);
  a.table.setLimit(0, 1);
  a.table.tryTake(0);
  const log: string[] = [];
  const seat = b.room.wait(b.table, 0, waiter(log, 'leaver'));
  a.room.wait(a.table, 0, waiter(log, 'stayer'));
  assert.ok(typeof seat === 'object');
  assert.equal(b.room.leave(seat), 'left');
  assert.equal(a.table.waiting(0), 1);
  a.table.release(0);
  a.room.wakeGranted();
  b.room.wakeGranted();
  assert.deepEqual(log, ['stayer']);
});

test('who leaves after the place was handed over owns it and can give it back', () => {
  const blocks = makeBlocks(1, 8);
  const a = openBlocks(blocks, 0);
  const b = openBlocks(blocks, 1);
  a.table.setLimit(0, 1);
  a.table.tryTake(0);
  const seat = b.room.wait(b.table, 0, waiter([], 'late'));
  assert.ok(typeof seat === 'object');
  a.table.release(0);
  assert.equal(b.room.leave(seat), 'granted');
  b.table.release(0);
  assert.equal(a.table.inUse(0), 0);
  assert.equal(a.table.held(1, 0), 0);
});

test('a full queue refuses, and has room again after somebody left', () => {
  const { table, room } = openBlocks(makeBlocks(1, 2), 0);
  table.setLimit(0, 1);
  table.tryTake(0);
  const seat = room.wait(table, 0, waiter([], 'a'));
  room.wait(table, 0, waiter([], 'b'));
  assert.equal(room.wait(table, 0, waiter([], 'c')), 'full');
  assert.ok(typeof seat === 'object');
  room.leave(seat);
  assert.ok(typeof room.wait(table, 0, waiter([], 'd')) === 'object');
});

test('a raised limit serves those who wait; a lowered one lets places run out', () => {
  const { table, room } = openBlocks(makeBlocks(1, 8), 0);
  table.setLimit(0, 1);
  table.tryTake(0);
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) room.wait(table, 0, waiter(log, name));
  table.setLimit(0, 3);
  room.wakeGranted();
  assert.deepEqual(log, ['a', 'b']);
  table.setLimit(0, 1);
  table.release(0);
  table.release(0);
  room.wakeGranted();
  assert.deepEqual(log, ['a', 'b'], 'two of three places ended, the limit of one is still in use');
  table.release(0);
  room.wakeGranted();
  assert.deepEqual(log, ['a', 'b', 'c']);
});

test('a doorbell rings on the front whose ticket was granted', async () => {
  const blocks = makeBlocks(1, 8);
  const a = openBlocks(blocks, 0);
  const b = openBlocks(blocks, 1);
  a.table.setLimit(0, 1);
  a.table.tryTake(0);
  b.room.wait(b.table, 0, waiter([], 'b'));
  const keepAlive = setTimeout(() => {}, 5000);
  const rung = new Promise<void>((resolve) => {
    const bell = b.bells.listen(1, () => {
      bell.stop();
      resolve();
    });
  });
  a.table.release(0);
  await rung;
  clearTimeout(keepAlive);
});

test('once a row is shrunk to what is in use nobody gets a place more, however close the race; grown again it serves', async () => {
  const cap = 4;
  const blocks = makeBlocks(1, 16);
  const primary = openBlocks(blocks, 0).table;
  primary.setLimit(0, cap);
  const { actual, results } = startStress(blocks, 1, 5);
  const counts = new Int32Array(actual);
  let done = false;
  let shrunk = 0;
  const ended = results.finally(() => {
    done = true;
  });
  while (!done) {
    for (let i = 0; i < 200; i++) {
      const lent = primary.shrink(0);
      if (lent < cap) shrunk++;
      for (let look = 0; look < 50; look++) assert.ok(Atomics.load(counts, 0) <= lent, 'a place that was given away');
      primary.grow(0, cap - primary.limit(0));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  assert.ok(shrunk > 100, `${shrunk}`);
  assert.equal(primary.inUse(0), 0);
});

test('what the predecessor is owed is set aside before those who wait here, is told by the next loan, and ends when it is waived', () => {
  const blocks = makeBlocks(1, 8);
  const [front, primary] = [openBlocks(blocks, 0), openBlocks(blocks, PREDECESSOR).table];
  primary.setLimit(0, 2);
  const log: string[] = [];
  assert.ok(front.table.tryTake(0) && front.table.tryTake(0));
  for (const name of ['first', 'second', 'third']) front.room.wait(front.table, 0, waiter(log, name));
  assert.equal(primary.lend(0, 1), 0, 'nothing is free');
  front.table.release(0);
  front.room.wakeGranted();
  assert.deepEqual([log, primary.held(PREDECESSOR, 0), primary.inUse(0)], [[], 1, 2], 'the place is the predecessor’s');
  assert.equal(primary.lend(0, 2), 1, 'it is told, and one more is owed');
  assert.equal(primary.lend(0, 0), 0, 'nobody waits there any more');
  front.table.release(0);
  front.room.wakeGranted();
  assert.deepEqual(log, ['first']);
  primary.takeBack(0, 1);
  front.room.wakeGranted();
  assert.deepEqual([log, primary.held(PREDECESSOR, 0), primary.inUse(0)], [['first', 'second'], 0, 2]);
});

/** A front a thread that takes, waits, leaves and releases at random. */
function startStress(blocks: TableBlocks, rows: number, seed: number) {
  const actual = new SharedArrayBuffer(rows * 4);
  const ends = Array.from({ length: FRONTS }, (_, front) => {
    const worker = new Worker(new URL('./slot-stress-worker.ts', import.meta.url), {
      workerData: { blocks, actual, front, seed: seed * 100 + front, steps: 60_000 },
    });
    return new Promise<{ grants: number }>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  });
  return { actual, results: Promise.all(ends) };
}

for (const seed of [1, 7, 1234]) {
  test(`three threads at random never exceed a limit and never lose a waiter (seed ${seed})`, async () => {
    const rows = 2;
    const blocks = makeBlocks(rows, 16);
    const primary = openBlocks(blocks, 0).table;
    primary.setLimit(0, 2);
    primary.setLimit(1, 5);
    const results = await startStress(blocks, rows, seed).results;
    assert.ok(
      results.reduce((sum, { grants }) => sum + grants, 0) > 100,
      'places were handed over between the threads',
    );
    for (let row = 0; row < rows; row++) {
      assert.equal(primary.inUse(row), 0);
      assert.equal(primary.waiting(row), 0);
      for (let front = 0; front < FRONTS; front++) assert.equal(primary.held(front, row), 0);
    }
  });
}

test('a place that is handed to another owner stays in use, and goes to who waits when that owner releases it', () => {
  const blocks = makeBlocks(1, 8);
  const [front, jobs] = [openBlocks(blocks, 0), openBlocks(blocks, 1).table];
  front.table.setLimit(0, 1);
  const log: string[] = [];
  assert.ok(front.table.tryTake(0));
  front.table.handTo(1, 0);
  assert.deepEqual([front.table.held(0, 0), front.table.held(1, 0), front.table.inUse(0)], [0, 1, 1]);
  front.room.wait(front.table, 0, waiter(log, 'next'));
  jobs.release(0);
  front.room.wakeGranted();
  assert.deepEqual([log, jobs.held(1, 0), front.table.inUse(0)], [['next'], 0, 1]);
});
