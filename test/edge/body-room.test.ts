import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { BodyRoom, type BodyWaiter } from '#edge/body-room.ts';
import { waitFor } from '../support/wait-for.ts';

const KIB = 1024;
const TOTAL = 10 * KIB;

function twoFronts(waitersMax = 4): { near: BodyRoom; far: BodyRoom; budget: ByteBudget } {
  const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), TOTAL, 0);
  const bounds = { bytesTotal: TOTAL, waitersMax, heldBytesMax: 4 * KIB };
  return { near: new BodyRoom(budget, bounds), far: new BodyRoom(budget, bounds), budget };
}

function waiterOf(room: BodyRoom, bytes: number, served: string[], name: string): BodyWaiter {
  const waiter: BodyWaiter = {
    retryRoom() {
      if (!room.take(bytes)) return false;
      room.leave(waiter);
      served.push(name);
      return true;
    },
  };
  return waiter;
}

test('waiters are served in their order: a small one does not overtake a large one, nor does a newcomer', () => {
  const { near } = twoFronts();
  const served: string[] = [];
  assert.ok(near.take(8 * KIB));
  near.hold(waiterOf(near, 6 * KIB, served, 'large'), KIB);
  near.hold(waiterOf(near, KIB, served, 'small'), KIB);
  near.serve();
  assert.deepEqual(served, []);
  assert.equal(near.take(KIB), false, 'a newcomer waits too');
  assert.ok(near.takeAhead(KIB), 'who is admitted already does not');
  near.give(8 * KIB);
  near.serve();
  assert.deepEqual(served, ['large', 'small']);
  assert.ok(near.take(KIB));
});

test('room given back by the same front is handed on without a sweep', async () => {
  const { near } = twoFronts();
  const served: string[] = [];
  near.take(TOTAL);
  near.hold(waiterOf(near, KIB, served, 'one'), 0);
  near.give(KIB);
  await waitFor('the waiter to be served', () => served.length === 1);
});

test('room given back by another front is found by the sweep', () => {
  const { near, far } = twoFronts();
  const served: string[] = [];
  far.take(TOTAL);
  near.hold(waiterOf(near, KIB, served, 'one'), 0);
  far.give(TOTAL);
  near.serve();
  assert.deepEqual(served, ['one']);
});

test('their number and what they keep aside are bounded', () => {
  const { near } = twoFronts(2);
  const served: string[] = [];
  const [first, second, third] = ['a', 'b', 'c'].map((name) => waiterOf(near, KIB, served, name));
  assert.ok(near.hold(first!, 2 * KIB));
  assert.ok(near.hold(second!, KIB));
  assert.equal(near.hold(third!, 0), false, 'one too many');
  assert.equal(near.hold(first!, 2 * KIB), false, 'too many bytes');
  assert.ok(near.hold(first!, KIB));
  near.leave(first!);
  near.leave(first!);
  assert.deepEqual([near.waiting, near.heldBytes], [1, KIB]);
  assert.ok(near.hold(third!, 3 * KIB));
});
