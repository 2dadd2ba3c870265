import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenList } from '#edge/open-list.ts';

test('items are listed once each, whatever is removed in whichever order', () => {
  const list = new OpenList<{ openIndex: number; name: number }>();
  const items = Array.from({ length: 50 }, (_, name) => ({ openIndex: -1, name }));
  for (const item of items) list.add(item);
  const left = new Set(items);
  for (let step = 0; step < 49; step++) {
    const item = items[(step * 37) % 50]!;
    list.delete(item);
    left.delete(item);
    assert.equal(list.size, left.size);
    assert.deepEqual(new Set(list.snapshot()), left);
  }
});

test('closing what is not open is a fault, not a silent loss of another', () => {
  const list = new OpenList<{ openIndex: number }>();
  const item = { openIndex: -1 };
  assert.throws(() => list.delete(item));
  list.add(item);
  assert.throws(() => list.add(item));
  list.delete(item);
  assert.throws(() => list.delete(item));
  assert.equal(list.size, 0);
});

test('a snapshot may be walked while items close', () => {
  const list = new OpenList<{ openIndex: number }>();
  for (let i = 0; i < 5; i++) list.add({ openIndex: -1 });
  for (const item of list.snapshot()) list.delete(item);
  assert.equal(list.size, 0);
});
