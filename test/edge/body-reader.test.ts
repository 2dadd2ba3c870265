import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { BodyReader } from '#edge/body-reader.ts';

const KIB = 1024;

function budget(bytes: number): ByteBudget {
  return new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), bytes, 0);
}

function chunk(bytes: number, fill = 65): ArrayBuffer {
  return new Uint8Array(bytes).fill(fill).buffer;
}

test('a declared body takes its room with the first chunk, not before', () => {
  const room = budget(100 * KIB);
  const body = new BodyReader(room, 64 * KIB, 20 * KIB);
  assert.equal(room.usedBytes, 0);
  assert.equal(body.add(chunk(KIB), false), null);
  assert.equal(room.usedBytes, 20 * KIB);
  assert.equal(body.add(chunk(19 * KIB, 66), true), null);
  assert.equal(body.length, 20 * KIB);
  assert.deepEqual([body.bytes[0], body.bytes[KIB]], [65, 66]);
  body.free();
  body.free();
  assert.equal(room.usedBytes, 0);
});

test('a chunked body grows by doubling and is refused beyond its bound', () => {
  const room = budget(1000 * KIB);
  const body = new BodyReader(room, 64 * KIB, -1);
  for (let i = 0; i < 64; i++) assert.equal(body.add(chunk(KIB, i), false), null);
  assert.equal(room.usedBytes, 64 * KIB);
  for (let i = 0; i < 64; i++) assert.equal(body.bytes[i * KIB], i);
  assert.equal(body.add(chunk(1), true), 'body_too_large');
  body.free();
  assert.equal(room.usedBytes, 0);
});

test('a body that does not fit the shared budget is refused, and what it held comes back', () => {
  const room = budget(30 * KIB);
  const first = new BodyReader(room, 64 * KIB, 20 * KIB);
  const second = new BodyReader(room, 64 * KIB, 20 * KIB);
  assert.equal(first.add(chunk(KIB), false), null);
  assert.equal(second.add(chunk(KIB), false), 'body_budget_exhausted');
  second.free();
  first.free();
  assert.equal(room.usedBytes, 0);
});

test('a body that lies about its length is still bounded and whole', () => {
  const room = budget(1000 * KIB);
  const body = new BodyReader(room, 64 * KIB, 2);
  assert.equal(body.add(chunk(KIB), false), null);
  assert.equal(body.add(chunk(3 * KIB), true), null);
  assert.equal(body.length, 4 * KIB);
  body.free();
});
