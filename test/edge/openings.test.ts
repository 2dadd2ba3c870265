import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import type { Exchange } from '#edge/exchange.ts';
import { letGo, Openings } from '#edge/openings.ts';
import { waitFor } from '../support/wait-for.ts';

const HOLD_BACK_MS = 30;

function scene(fields: { budgetBytes?: number; holdBackMs?: number } = {}) {
  const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), fields.budgetBytes ?? 1 << 20, 0);
  const openings = new Openings(budget, { holdBackMs: fields.holdBackMs ?? HOLD_BACK_MS, bytesMax: 64 * 1024 });
  const flushed: string[] = [];
  const exchange = (name: string): Exchange =>
    ({ opens: true, opening: null, reply: { flush: () => flushed.push(name) } }) as unknown as Exchange;
  return { budget, openings, flushed, exchange };
}

test('what waits leaves in its order when its time is over, and gives its budget back', async () => {
  const { budget, openings, flushed, exchange } = scene();
  const [first, second] = [exchange('first'), exchange('second')];
  const startMs = performance.now();
  assert.equal(openings.keeps(first, 100), true);
  assert.equal(openings.keeps(first, 3000), true, 'more of it came');
  assert.equal(openings.keeps(second, 100), true);
  assert.equal(budget.usedBytes, 4096);
  await waitFor('both to leave', () => flushed.length === 2, { everyMs: 1 });
  assert.ok(performance.now() - startMs >= HOLD_BACK_MS - 1);
  assert.deepEqual([flushed, budget.usedBytes, openings.size], [['first', 'second'], 0, 0]);
  assert.equal(openings.keeps(first, 100), false, 'it waits once');
});

test('what had to wait no longer is not flushed by the timer, and one that waits anew is a wait of its own', async () => {
  const { budget, openings, flushed, exchange } = scene();
  const [content, failed, last] = [exchange('content'), exchange('failed'), exchange('last')];
  for (const each of [content, failed, last]) assert.equal(openings.keeps(each, 10), true);
  letGo(content);
  assert.equal(openings.keeps(content, 500), false);
  letGo(failed);
  failed.opens = true;
  const againAtMs = performance.now();
  openings.keeps(failed, 10);
  await waitFor('all to leave', () => openings.size === 0, { everyMs: 1 });
  assert.deepEqual([flushed, budget.usedBytes], [['last', 'failed'], 0]);
  assert.ok(performance.now() - againAtMs >= HOLD_BACK_MS - 1);
});

test('nothing waits where there is no room, where it is too much, or where it is switched off', () => {
  for (const { fields, bytes } of [
    { fields: { budgetBytes: 2048 }, bytes: 5000 },
    { fields: {}, bytes: 100_000 },
    { fields: { holdBackMs: 0 }, bytes: 1 },
  ]) {
    const { budget, openings, exchange } = scene(fields);
    assert.equal(openings.keeps(exchange('x'), bytes), false);
    assert.equal(budget.usedBytes, 0);
    openings.close();
  }
});

test('closing leaves no timer behind', () => {
  const { openings, exchange } = scene({ holdBackMs: 60_000 });
  openings.keeps(exchange('x'), 1);
  openings.close();
  assert.ok(!process.getActiveResourcesInfo().includes('Timeout'));
});
