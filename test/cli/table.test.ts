import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderTable } from '#cli/table.ts';

interface Row {
  name: string;
  count: number;
  note: string | null;
}

const columns = [
  { title: 'name', cell: (row: Row) => row.name },
  { title: 'count', cell: (row: Row) => row.count },
  { title: 'note', cell: (row: Row) => row.note },
];

test('columns are aligned, numbers to the right, nothing trails', () => {
  const rows = [
    { name: 'a', count: 5, note: 'x' },
    { name: 'longer', count: 123456, note: null },
  ];
  assert.equal(renderTable(columns, rows, 'none'), 'name     count  note\na            5  x\nlonger  123456  -');
});

test('an empty table is a sentence', () => {
  assert.equal(renderTable(columns, [], 'There are none.'), 'There are none.');
});
