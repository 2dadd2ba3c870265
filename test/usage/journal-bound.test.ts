import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JournalBound, refuseAtBytes } from '#usage/journal-bound.ts';
import { pressureBytes, UsagePressure } from '#usage/pressure.ts';

function makeBound(refuseAt: number) {
  const pressure = new UsagePressure(new SharedArrayBuffer(pressureBytes()));
  const changes: boolean[] = [];
  return { pressure, changes, bound: new JournalBound(pressure, refuseAt, (refuse) => changes.push(refuse)) };
}

test('room for every ring and one segment is kept free below the bound', () => {
  const sizes = { journalBytesMax: 1000, segmentBytes: 100, ringBytes: 50, fronts: 4 };
  assert.equal(refuseAtBytes(sizes), 700);
  assert.equal(refuseAtBytes({ ...sizes, journalBytesMax: 200 }), 50);
});

test('work is refused at the bound and admitted again a fifth below it', () => {
  const { pressure, changes, bound } = makeBound(1000);
  const states = [999, 1000, 900, 800, 799, 900, 1001].map((bytes) => {
    bound.update(bytes);
    return pressure.refuse;
  });
  assert.deepEqual(states, [false, true, true, true, false, false, true]);
  assert.deepEqual(changes, [true, false, true]);
});

test('a disk that fails refuses work at any size until it works again', () => {
  const { pressure, bound } = makeBound(1000);
  bound.update(10);
  bound.noteDisk(true);
  assert.equal(pressure.refuse, true);
  bound.update(20);
  assert.equal(pressure.refuse, true);
  bound.noteDisk(false);
  assert.equal(pressure.refuse, false);
});
