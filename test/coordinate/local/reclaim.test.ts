import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { compareSums } from '#coordinate/local/audit.ts';
import type { Ledger } from '#coordinate/local/ledger.ts';
import { isNothing, reclaimFront, reclaimOwner } from '#coordinate/local/reclaim.ts';
import { FREE } from '#coordinate/local/ticket-board.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import {
  FRONTS,
  makeOwnedBlocks,
  OWNERS,
  openOwned,
  PREDECESSOR,
  TICKETS_PER_FRONT,
} from '../../support/shared-tables.ts';
import type { LastWords, StressData } from './reclaim-stress-worker.ts';

const KIB = 1024;

function open() {
  const blocks = makeOwnedBlocks(4, 8, 100 * KIB);
  const [dead, other, third] = Array.from({ length: FRONTS }, (_, front) => openOwned(blocks, front)) as [
    ReturnType<typeof openOwned>,
    ReturnType<typeof openOwned>,
    ReturnType<typeof openOwned>,
  ];
  const primary = openOwned(blocks, PREDECESSOR);
  for (let row = 0; row < 4; row++) {
    primary.userSlots.setLimit(row, 2);
    primary.accountSlots.setLimit(row, 1);
    primary.ledger.load(row, 100n);
  }
  return { dead, other, third, primary };
}

function waiter(log: string[], name: string) {
  return { onGranted: () => void log.push(name) };
}

test('everything that a dead front held goes back, and nothing of the others', () => {
  const { dead, other, primary } = open();
  for (const tables of [dead, other]) {
    tables.userSlots.tryTake(1);
    tables.ledger.reserve(1, 30n);
    tables.bodyBudget.take(3 * KIB);
    tables.streamBudget.take(2 * KIB);
  }
  dead.accountSlots.tryTake(3);
  dead.ledger.charge(1, 12n);
  dead.ledger.free(1, 30n);
  dead.ledger.reserve(2, 50n);
  const left = reclaimFront(primary, 0);
  assert.deepEqual(left, {
    tickets: 0,
    userPlaces: 1,
    accountPlaces: 1,
    nanoUsd: 50n,
    bodyBytes: 3 * KIB,
    streamBytes: 2 * KIB,
  });
  assert.deepEqual([primary.userSlots.inUse(1), primary.userSlots.held(1, 1), primary.userSlots.held(0, 1)], [1, 1, 0]);
  assert.deepEqual([primary.accountSlots.inUse(3), primary.ledger.available(2)], [0, 100n]);
  assert.equal(primary.ledger.available(1), 100n - 12n - 30n, 'what it had settled stays charged');
  assert.deepEqual([primary.bodyBudget.usedBytes, primary.streamBudget.usedBytes], [3 * KIB, 2 * KIB]);
  assert.ok(isNothing(reclaimFront(primary, 0)), 'a second time there is nothing left');
});

test('places of a dead front go to the waiters of others, in their order', () => {
  const { dead, other, third, primary } = open();
  dead.userSlots.tryTake(0);
  dead.userSlots.tryTake(0);
  const log: string[] = [];
  third.room.wait(third.userSlots, 0, waiter(log, 'first'));
  other.room.wait(other.userSlots, 0, waiter(log, 'second'));
  third.room.wait(third.userSlots, 0, waiter(log, 'third'));
  assert.equal(reclaimFront(primary, 0).userPlaces, 2);
  for (const { room } of [third, other]) room.wakeGranted();
  assert.deepEqual(log, ['first', 'second']);
  assert.deepEqual([primary.userSlots.inUse(0), primary.userSlots.waiting(0)], [2, 1]);
});

test('a front that dies at the head of a queue holds up nobody behind it', () => {
  const { dead, other, third, primary } = open();
  other.accountSlots.tryTake(2);
  const log: string[] = [];
  dead.room.wait(dead.accountSlots, 2, waiter(log, 'dead, at the head'));
  third.room.wait(third.accountSlots, 2, waiter(log, 'behind'));
  dead.room.wait(dead.accountSlots, 2, waiter(log, 'dead, in the middle'));
  other.room.wait(other.accountSlots, 2, waiter(log, 'last'));
  assert.equal(reclaimFront(primary, 0).tickets, 2);
  assert.equal(primary.accountSlots.waiting(2), 2);
  other.accountSlots.release(2);
  third.room.wakeGranted();
  third.accountSlots.release(2);
  other.room.wakeGranted();
  assert.deepEqual(log, ['behind', 'last']);
});

test('a place that was granted to a front which died before it woke is not lost', () => {
  const { dead, other, third, primary } = open();
  other.accountSlots.tryTake(0);
  dead.room.wait(dead.accountSlots, 0, waiter([], 'dead'));
  other.accountSlots.release(0);
  assert.equal(primary.accountSlots.held(0, 0), 1);
  assert.equal(third.accountSlots.tryTake(0), false, 'a newcomer does not get the place of a granted ticket');
  assert.equal(reclaimFront(primary, 0).accountPlaces, 1);
  assert.equal(third.accountSlots.tryTake(0), true);
});

test('the successor of a dead front begins with every ticket free', () => {
  const { dead, other, primary } = open();
  other.accountSlots.tryTake(1);
  for (let i = 0; i < 5; i++) dead.room.wait(dead.accountSlots, 1, waiter([], 'dead'));
  reclaimFront(primary, 0);
  for (let ticket = 0; ticket < TICKETS_PER_FRONT; ticket++) assert.equal(primary.board.state(ticket), FREE);
});

test('what an earlier process still has in use is one sweep too', () => {
  const { other, primary } = open();
  other.userSlots.tryTake(1);
  primary.userSlots.tryTake(1);
  primary.ledger.reserve(1, 10n);
  const left = reclaimOwner(primary, PREDECESSOR);
  assert.deepEqual([left.userPlaces, left.nanoUsd], [1, 10n]);
  assert.equal(primary.userSlots.inUse(1), 1);
});

/** Deaths of each front, each followed by a successor that takes its index. */
const DEATHS = 6;
const STEPS = 20_000;
const OPENING = 20_000n;

for (const seed of [11, 205, 77_003]) {
  test(`fronts that work, wait, die and are replaced at random leave nothing and exceed nothing (seed ${seed})`, async () => {
    const rows = 3;
    const blocks = makeOwnedBlocks(rows, 16, 60 * KIB);
    const primary = openOwned(blocks, PREDECESSOR);
    for (let row = 0; row < rows; row++) {
      primary.userSlots.setLimit(row, 1 + 2 * row);
      primary.ledger.load(row, OPENING);
    }
    const shared = {
      blocks,
      placesModel: new SharedArrayBuffer((rows + 1) * 4),
      moneyModel: new SharedArrayBuffer(rows * 8),
      uncommitted: new SharedArrayBuffer(rows * 8),
      spentModel: new SharedArrayBuffer(rows * 8),
      opening: OPENING,
    };
    const stop = new SharedArrayBuffer(4);
    const observer = new Worker(new URL('./reclaim-observer.ts', import.meta.url), {
      workerData: { blocks, opening: OPENING, spentModel: shared.spentModel, stop },
    });
    const observed = firstMessage<{ seen: string[]; looks: number }>(observer);
    const committer = commitOften(primary.ledger, shared.uncommitted, rows);
    let grants = 0;
    let undone = 0;
    const live = async (front: number): Promise<void> => {
      const random = seededRandom(seed * 10 + front);
      for (let life = 0; life <= DEATHS; life++) {
        const diesAfter = life < DEATHS ? 1 + Math.floor(random() * 6_000) : 0;
        const data = { ...shared, front, seed: seed * 1000 + front * 100 + life, steps: STEPS, diesAfter };
        const words = await runStress(data);
        grants += words.grants;
        forgetDead(shared, words, rows);
        const left = reclaimFront(primary, front);
        assert.ok(left.userPlaces >= words.places.length, `seed ${seed}: a place was lost`);
        assert.equal(
          left.nanoUsd,
          words.reserved.reduce((sum, [, amount]) => sum + amount, 0n),
        );
        assert.equal(left.bodyBytes, words.kib * KIB);
        undone += left.userPlaces + left.tickets;
      }
    };
    await Promise.all(Array.from({ length: FRONTS }, (_, front) => live(front))).finally(() => {
      Atomics.store(new Int32Array(stop), 0, 1);
      committer.stop();
    });
    const { seen, looks } = await observed;
    assert.deepEqual(seen, [], `seed ${seed}`);
    assert.ok(looks > 1000 && grants > 100 && undone > 10, `${looks} looks, ${grants} grants, ${undone} undone`);
    assert.deepEqual(compareSums(primary, OWNERS), []);
    for (let row = 0; row < rows; row++) {
      assert.deepEqual([primary.userSlots.inUse(row), primary.userSlots.waiting(row)], [0, 0], `seed ${seed}`);
      const spent = new BigInt64Array(shared.moneyModel)[row]!;
      assert.equal(primary.ledger.available(row), OPENING - spent, `seed ${seed}: money of row ${row}`);
    }
    assert.equal(primary.bodyBudget.usedBytes, 0);
  });
}

function runStress(workerData: StressData): Promise<LastWords> {
  const worker = new Worker(new URL('./reclaim-stress-worker.ts', import.meta.url), { workerData });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return firstMessage<LastWords>(worker).then(async (words) => {
    await ended;
    return words;
  });
}

function firstMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** What a dead front held is no longer held by anybody: first in the model, then in the tables. */
function forgetDead(shared: Pick<StressData, 'placesModel' | 'moneyModel'>, words: LastWords, rows: number): void {
  const places = new Int32Array(shared.placesModel);
  const money = new BigInt64Array(shared.moneyModel);
  for (const row of words.places) Atomics.sub(places, row, 1);
  for (const [row, amount] of words.reserved) Atomics.sub(money, row, amount);
  Atomics.sub(places, rows, words.kib);
}

/** As the usage-writer and primary do: balances go down by what was charged, in batches. */
function commitOften(ledger: Ledger, uncommitted: SharedArrayBuffer, rows: number): { stop(): void } {
  const cells = new BigInt64Array(uncommitted);
  const balances = Array.from({ length: rows }, () => OPENING);
  const commit = (): void => {
    for (let row = 0; row < rows; row++) {
      const charged = Atomics.exchange(cells, row, 0n);
      if (charged === 0n) continue;
      balances[row]! -= charged;
      ledger.commit(row, balances[row]!, charged);
    }
  };
  const timer = setInterval(commit, 1);
  return {
    stop: () => {
      clearInterval(timer);
      commit();
    },
  };
}
