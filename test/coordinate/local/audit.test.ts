import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareOwner, compareSums, findPersistent, type Holdings } from '#coordinate/local/audit.ts';
import { reclaimFront } from '#coordinate/local/reclaim.ts';
import { makeOwnedBlocks, OWNERS, openOwned, PREDECESSOR } from '../../support/shared-tables.ts';

const KIB = 1024;

function open() {
  const blocks = makeOwnedBlocks(4, 8, 100 * KIB);
  const front = openOwned(blocks, 1);
  const primary = openOwned(blocks, PREDECESSOR);
  for (let row = 0; row < 4; row++) {
    primary.userSlots.setLimit(row, 4);
    primary.accountSlots.setLimit(row, 4);
    primary.ledger.load(row, 1000n);
  }
  return { blocks, front, primary };
}

function holdings(change: Partial<Holdings> = {}): Holdings {
  const none = { userPlaces: new Map(), accountPlaces: new Map(), nanoUsd: new Map(), bodyBytes: 0, streamBytes: 0 };
  return { ...none, ...change };
}

test('an owner whose cells are what it holds has no difference', () => {
  const { front } = open();
  assert.deepEqual(compareOwner(front, 1, holdings()), []);
  front.userSlots.tryTake(2);
  front.accountSlots.tryTake(3);
  front.ledger.reserve(2, 70n);
  front.bodyBudget.take(5 * KIB);
  front.streamBudget.take(KIB);
  const held = holdings({
    userPlaces: new Map([[2, 1]]),
    accountPlaces: new Map([[3, 1]]),
    nanoUsd: new Map([[2, 70n]]),
    bodyBytes: 5 * KIB,
    streamBytes: KIB,
  });
  assert.deepEqual(compareOwner(front, 1, held), []);
  assert.deepEqual(compareSums(front, OWNERS), []);
});

test('each kind of leak is named with its row and both numbers', () => {
  const { front } = open();
  front.userSlots.tryTake(2);
  front.accountSlots.tryTake(3);
  front.ledger.reserve(1, 70n);
  front.bodyBudget.take(5 * KIB);
  front.streamBudget.take(KIB);
  assert.deepEqual(compareOwner(front, 1, holdings()), [
    'owner 1: nano-USD of user row 1: the table has 70, there are 0',
    'owner 1: places of user row 2: the table has 1, there are 0',
    'owner 1: places of account row 3: the table has 1, there are 0',
    'owner 1: body bytes: the table has 5120, there are 0',
    'owner 1: stream bytes: the table has 1024, there are 0',
  ]);
});

test('counts that are not the sum of their owners are found, until the owner is undone', () => {
  const { blocks, front, primary } = open();
  front.userSlots.tryTake(2);
  // As if a thread had ended between its two writes.
  const cells = new Int32Array(blocks.users.slots);
  const heldAt = cells.lastIndexOf(1);
  cells[heldAt] = 0;
  assert.deepEqual(compareSums(primary, OWNERS), ['places of user row 2: the table has 1, there are 0']);
  cells[heldAt] = 1;
  reclaimFront(primary, 1);
  assert.deepEqual(compareSums(primary, OWNERS), []);
});

test('only a difference that stays the same over every look is real', async () => {
  const looks = [['a 1', 'b 2'], ['a 1', 'b 3'], ['a 1'], ['a 1']];
  let look = 0;
  const pause = async (): Promise<void> => {};
  assert.deepEqual(await findPersistent(() => looks[look++]!, pause, 4), ['a 1']);
  look = 0;
  assert.deepEqual(await findPersistent(() => [`a ${look++}`], pause, 4), []);
  assert.equal(look, 2, 'nothing is left after the second look');
});
