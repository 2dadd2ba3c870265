import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowGenerations, rowGenerationBytes } from '#coordinate/local/row-generations.ts';
import { RowTable } from '#coordinate/local/row-table.ts';

function open(capacity: number) {
  const generations = new RowGenerations(new SharedArrayBuffer(rowGenerationBytes(capacity)));
  return { generations, table: new RowTable(capacity, generations) };
}

test('an owner keeps its row, and a full table refuses newcomers', () => {
  const { table } = open(2);
  assert.deepEqual(table.assign(70), { row: 0, generation: 0, fresh: true });
  assert.deepEqual(table.assign(71), { row: 1, generation: 0, fresh: true });
  assert.deepEqual(table.assign(70), { row: 0, generation: 0, fresh: false });
  assert.equal(table.assign(72), null);
  assert.deepEqual([table.size, table.made], [2, 2]);
});

test('a freed row comes back in a new generation, so that what was told of the old one is known to be void', () => {
  const { table, generations } = open(1);
  const old = table.assign(70)!;
  table.retire(70);
  assert.equal(table.free(70), true);
  assert.notEqual(generations.current(old.row), old.generation);
  assert.deepEqual(table.assign(71), { row: 0, generation: 1, fresh: true });
  assert.equal(table.find(70), undefined);
  assert.equal(table.frees, 1);
});

test('a row that is asked for while it retires is not freed', () => {
  const { table } = open(2);
  table.assign(70);
  table.retire(70);
  assert.equal(table.assign(70)!.fresh, false);
  assert.equal(table.free(70), false);
  table.retire(70);
  table.keep(70);
  assert.equal(table.free(70), false);
  assert.equal(table.free(99), false, 'one that has no row');
});

test('owners are listed by their last use, the oldest first', () => {
  const { table } = open(4);
  for (const id of [1, 2, 3, 4]) table.assign(id);
  table.touch(1);
  table.assign(3);
  assert.deepEqual([...table.ids()], [2, 4, 1, 3]);
});
