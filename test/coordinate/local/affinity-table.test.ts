import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AffinityTable, affinityKey, affinityTableBytes } from '#coordinate/local/affinity-table.ts';

const HOUR = 3_600_000;

function makeTable(entries: number): AffinityTable {
  return new AffinityTable(new SharedArrayBuffer(affinityTableBytes(entries)), entries);
}

test('what was remembered is found until its time is over, and by every front', () => {
  const buffer = new SharedArrayBuffer(affinityTableBytes(64));
  const [one, other] = [new AffinityTable(buffer, 64), new AffinityTable(buffer, 64)];
  const key = affinityKey(1, 'session', 'a');
  assert.equal(one.find(key, 0), 0);
  one.remember(key, 7, 1_000, HOUR);
  assert.equal(other.find(key, 1_000 + HOUR - 1), 7);
  assert.equal(other.find(key, 2_000 + HOUR), 0);
});

test('a later account takes the place of an earlier one, and can be forgotten', () => {
  const table = makeTable(8);
  const key = affinityKey(1, 'session', 'a');
  table.remember(key, 7, 0, HOUR);
  table.remember(key, 8, 0, HOUR);
  assert.equal(table.find(key, 0), 8);
  table.forget(key);
  assert.equal(table.find(key, 0), 0);
});

test('the same name in another group or of another kind is something else', () => {
  const table = makeTable(1024);
  table.remember(affinityKey(1, 'session', 'a'), 7, 0, HOUR);
  assert.equal(table.find(affinityKey(2, 'session', 'a'), 0), 0);
  assert.equal(table.find(affinityKey(1, 'response', 'a'), 0), 0);
});

test('a full bucket loses what would have ended first', () => {
  const table = makeTable(8);
  const key = (n: number) => affinityKey(1, 'session', String(n));
  for (let n = 0; n < 8; n++) table.remember(key(n), n + 1, 0, HOUR + n * 1_000);
  table.remember(key(8), 9, 0, HOUR);
  assert.deepEqual(
    Array.from({ length: 9 }, (_, n) => table.find(key(n), 0)),
    [0, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test('any number of names fits into the memory that was given', () => {
  const table = makeTable(1_000);
  for (let n = 0; n < 20_000; n++) table.remember(affinityKey(1, 'session', String(n)), n + 1, n, HOUR);
  const known = Array.from({ length: 20_000 }, (_, n) => table.find(affinityKey(1, 'session', String(n)), 20_000));
  assert.ok(
    known.every((account, n) => account === 0 || account === n + 1),
    'never the account of another one',
  );
  assert.ok(known.filter((account) => account > 0).length <= 1_024);
  assert.equal(known.at(-1), 20_000);
});

test('a process that takes over knows what the one before knew, though it was copied in mid-write', () => {
  const buffer = new SharedArrayBuffer(affinityTableBytes(8));
  const [before, after] = [new AffinityTable(buffer, 8), makeTable(8)];
  const key = affinityKey(1, 'session', 'a');
  before.remember(key, 7, 0, HOUR);
  new Int32Array(buffer)[0] = 1;
  after.adopt(before.copy());
  assert.equal(after.find(key, 0), 7);
  makeTable(1024).adopt(before.copy());
});
