import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogBudget } from '#base/log-budget.ts';

test('no more lines than the budget are logged in a second, and what was left out is told once', () => {
  const budget = new LogBudget(3);
  const allowed = Array.from({ length: 10 }, (_, i) => budget.take(i));
  assert.equal(allowed.filter(Boolean).length, 3);
  assert.equal(budget.take(1000), true, 'the next second has lines again');
  assert.equal(budget.leftOut(), 7);
  assert.equal(budget.leftOut(), 0);
});
