import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanList, TEXT_SPANS_MAX } from '#wire/span-list.ts';

test('ranges come back in the order they were put in, whatever their number', () => {
  const list = new SpanList();
  for (let i = 0; i < 1_000; i++) list.push(10 * i, 10 * i + 5);
  const cells = list.toArray();
  assert.equal(cells.length, 2_000);
  assert.deepEqual([...cells.subarray(1_998)], [9_990, 9_995]);
});

test('removing takes out what begins within, and closes the gap', () => {
  const list = new SpanList();
  for (const start of [0, 10, 20, 30]) list.push(start, start + 3);
  list.removeWithin(10, 30);
  assert.deepEqual([...list.toArray()], [0, 3, 30, 33]);
  list.removeWithin(4, 5);
  assert.deepEqual([...list.toArray()], [0, 3, 30, 33]);
  list.removeWithin(0, 100);
  assert.deepEqual([...list.toArray()], []);
});

test('a full list takes no more, and is empty again once cleared', () => {
  const list = new SpanList();
  for (let i = 0; i <= TEXT_SPANS_MAX; i++) list.push(i, i + 1);
  assert.equal(list.toArray().length, 2 * TEXT_SPANS_MAX);
  list.clear();
  list.push(1, 2);
  assert.deepEqual([...list.toArray()], [1, 2]);
});
