import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNothing, reclaimFront, reclaimOwner } from '#coordinate/local/reclaim.ts';
import { FREE } from '#coordinate/local/ticket-board.ts';
import { FRONTS, makeOwnedBlocks, openOwned, TICKETS_PER_FRONT } from '../../support/shared-tables.ts';

const KIB = 1024;

function open() {
  const blocks = makeOwnedBlocks(4, 8, 100 * KIB);
  const [dead, other, third] = Array.from({ length: FRONTS }, (_, front) => openOwned(blocks, front)) as [
    ReturnType<typeof openOwned>,
    ReturnType<typeof openOwned>,
    ReturnType<typeof openOwned>,
  ];
  const primary = openOwned(blocks, FRONTS);
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
  const left = reclaimOwner(primary, FRONTS);
  assert.deepEqual([left.userPlaces, left.nanoUsd], [1, 10n]);
  assert.equal(primary.userSlots.inUse(1), 1);
});
