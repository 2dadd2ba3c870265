import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, ledgerBytes } from '#coordinate/local/ledger.ts';

const SHAPE = { rows: 4, owners: 3 };

function makeLedger(balance: bigint): Ledger {
  const ledger = new Ledger(new SharedArrayBuffer(ledgerBytes(SHAPE)), SHAPE, 0);
  ledger.load(2, balance);
  return ledger;
}

test('reservations are refused once they would exceed the balance, and leave nothing behind', () => {
  const ledger = makeLedger(100n);
  assert.equal(ledger.reserve(2, 60n), true);
  assert.equal(ledger.reserve(2, 60n), false);
  assert.equal(ledger.reserve(2, 40n), true);
  assert.equal(ledger.reserved(2), 100n);
  assert.equal(ledger.available(2), 0n);
});

test('a settled charge stays off the balance until its batch is committed, and is never counted twice', () => {
  const ledger = makeLedger(100n);
  ledger.reserve(2, 60n);
  ledger.charge(2, 25n);
  ledger.free(2, 60n);
  assert.equal(ledger.available(2), 75n);
  ledger.commit(2, 75n, 25n);
  assert.equal(ledger.available(2), 75n);
});

test('an exchange that cost nothing gives its whole reservation back', () => {
  const ledger = makeLedger(100n);
  ledger.reserve(2, 60n);
  ledger.free(2, 60n);
  assert.equal(ledger.available(2), 100n);
});

test('amounts beyond 2^53 nano-USD are exact', () => {
  const ledger = makeLedger(2n ** 60n + 1n);
  assert.equal(ledger.reserve(2, 2n ** 60n), true);
  assert.equal(ledger.available(2), 1n);
});

test('what is reserved is known by its owner, and nothing is left in its cell afterwards', () => {
  const block = new SharedArrayBuffer(ledgerBytes(SHAPE));
  const [a, b] = [0, 2].map((owner) => new Ledger(block, SHAPE, owner)) as [Ledger, Ledger];
  a.load(3, 100n);
  assert.equal(a.reserve(3, 60n), true);
  assert.equal(b.reserve(3, 60n), false);
  assert.equal(b.reserve(3, 30n), true);
  assert.deepEqual([a.held(0, 3), a.held(1, 3), a.held(2, 3)], [60n, 0n, 30n]);
  assert.deepEqual([a.held(0, 2), a.held(2, 2)], [0n, 0n]);
  a.charge(3, 5n);
  a.free(3, 60n);
  b.free(3, 30n);
  assert.deepEqual([a.held(0, 3), a.held(2, 3), a.reserved(3), a.available(3)], [0n, 0n, 0n, 95n]);
});

test('a reservation that is handed to another owner is set aside all the time, and freed by that owner', () => {
  const shared = new SharedArrayBuffer(ledgerBytes(SHAPE));
  const [front, jobs] = [new Ledger(shared, SHAPE, 0), new Ledger(shared, SHAPE, 1)];
  front.load(1, 100n);
  front.reserve(1, 70n);
  front.handTo(1, 1, 70n);
  assert.deepEqual([front.held(0, 1), front.held(1, 1), front.available(1)], [0n, 70n, 30n]);
  jobs.free(1, 70n);
  assert.deepEqual([jobs.held(1, 1), jobs.available(1)], [0n, 100n]);
});
