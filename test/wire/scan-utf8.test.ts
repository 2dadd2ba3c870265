import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Utf8Check } from '#wire/scan-utf8.ts';

/** Checks `bytes` in slices of one size; the offset of the fault or -1. */
function invalidAt(bytes: Uint8Array, sliceBytes: number): number {
  const check = new Utf8Check(bytes);
  for (let end = 0; end < bytes.length; ) {
    end = Math.min(end + sliceBytes, bytes.length);
    const validEnd = check.validUpTo(end);
    if (check.invalidAt < 0) assert.equal(validEnd, end);
    else assert.ok(validEnd <= check.invalidAt);
  }
  return check.invalidAt;
}

test('a character that a slice cuts is no fault', () => {
  const bytes = Buffer.from('aé漢😀'.repeat(5));
  for (let size = 1; size <= bytes.length; size++) assert.equal(invalidAt(bytes, size), -1, `slices of ${size}`);
});

test('a fault is found where its sequence begins, whatever the slices', () => {
  const before = Buffer.from('aé漢😀'.repeat(9));
  const faults = [
    [0x80],
    [0xff],
    [0xc0, 0x80],
    [0xe2, 0x82],
    [0xf0, 0x9f, 0x98],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
  ];
  for (const fault of faults) {
    for (const after of ['', 'a', '漢', 'a'.repeat(40)]) {
      const bytes = Buffer.concat([before, Buffer.from(fault), Buffer.from(after)]);
      for (const size of [1, 2, 3, 5, 8, 50, 1_000]) assert.equal(invalidAt(bytes, size), before.length);
    }
  }
});
