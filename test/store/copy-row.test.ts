import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyRow, RowError, USAGE_COLUMNS } from '#store/copy-row.ts';
import { makeRecord } from '../support/usage-records.ts';

const CREATED_AT = USAGE_COLUMNS.split(', ').indexOf('created_at');

function timeIn(createdAtMs: number): string {
  return copyRow(makeRecord({ createdAtMs })).split('\t')[CREATED_AT]!;
}

test('times are written to the millisecond, within a second and across its borders', () => {
  const times = [0, 7, 999, 1_000, 1_001, 1_795_000_000_000, 1_795_000_000_099, 1_794_999_999_999, 253_402_300_799_999];
  for (const ms of times) assert.equal(timeIn(ms), new Date(ms).toISOString());
});

test('what is no time is refused, also right behind a good one', () => {
  timeIn(5);
  for (const ms of [-1, Number.NaN, 253_402_300_800_000, Number.POSITIVE_INFINITY]) {
    assert.throws(() => timeIn(ms), RowError);
  }
});
