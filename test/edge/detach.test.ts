import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detach } from '#edge/detach.ts';

test('memory of its own is given back, and every view of it is empty from then on', () => {
  const bytes = Buffer.allocUnsafeSlow(4096);
  const view = bytes.subarray(10, 20);
  detach(bytes);
  assert.deepEqual([bytes.length, view.length], [0, 0]);
});

test('memory that a pool shares out is never given back', () => {
  const pooled = Buffer.allocUnsafe(512);
  assert.throws(() => detach(pooled), /others use too/);
  assert.equal(pooled.length, 512);
});

test('a few bytes are left alone', () => {
  const few = new Uint8Array(64).fill(7);
  detach(few);
  assert.equal(few[63], 7);
});
