import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplacePauses, STABLE_MS } from '#threads/replace-pauses.ts';

test('a front is replaced at once, then after growing pauses that stay bounded', () => {
  const pauses = new ReplacePauses();
  const taken = [0, 10, 0, 10, 0, 0].map((servedMs) => pauses.next(servedMs));
  assert.deepEqual(taken, [0, 100, 1000, 5000, 5000, 5000]);
});

test('a front that served well for a while is replaced at once again', () => {
  const pauses = new ReplacePauses();
  for (let i = 0; i < 5; i++) pauses.next(0);
  assert.equal(pauses.next(STABLE_MS), 0);
  assert.equal(pauses.next(STABLE_MS - 1), 100);
});
