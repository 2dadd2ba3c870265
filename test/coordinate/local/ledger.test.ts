import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, ledgerBytes } from '#coordinate/local/ledger.ts';

function makeLedger(balance: bigint): Ledger {
  const ledger = new Ledger(new SharedArrayBuffer(ledgerBytes(4)));
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
  ledger.settle(2, 60n, 25n);
  assert.equal(ledger.available(2), 75n);
  ledger.commit(2, 75n, 25n);
  assert.equal(ledger.available(2), 75n);
});

test('an exchange that cost nothing gives its whole reservation back', () => {
  const ledger = makeLedger(100n);
  ledger.reserve(2, 60n);
  ledger.settle(2, 60n, 0n);
  assert.equal(ledger.available(2), 100n);
});

test('amounts beyond 2^53 nano-USD are exact', () => {
  const ledger = makeLedger(2n ** 60n + 1n);
  assert.equal(ledger.reserve(2, 2n ** 60n), true);
  assert.equal(ledger.available(2), 1n);
});
