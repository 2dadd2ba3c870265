import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';

const KIB = 1024;

test('a budget never gives out more than its bound, and each owner knows its share', () => {
  const block = new SharedArrayBuffer(byteBudgetBytes(2));
  const [a, b] = [0, 1].map((owner) => new ByteBudget(block, 10 * KIB, owner)) as [ByteBudget, ByteBudget];
  assert.equal(a.take(6 * KIB), true);
  assert.equal(b.take(5 * KIB), false);
  assert.equal(b.take(3 * KIB + 1), true, 'rounded up to 4 KiB');
  assert.deepEqual([a.usedBytes, a.heldBytes(0), a.heldBytes(1)], [10 * KIB, 6 * KIB, 4 * KIB]);
  assert.equal(a.take(1), false);
  a.give(6 * KIB);
  b.give(3 * KIB + 1);
  assert.deepEqual([a.usedBytes, a.heldBytes(0), a.heldBytes(1)], [0, 0, 0]);
});
