import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { type BodyOwner, BodyReader } from '#edge/body-reader.ts';
import { BodyRoom } from '#edge/body-room.ts';

const KIB = 1024;
const nobody: BodyOwner = { onBodyRoom: () => assert.fail('nothing waited') };

function roomOf(bytesTotal: number): { room: BodyRoom; budget: ByteBudget } {
  const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), bytesTotal, 0);
  return { budget, room: new BodyRoom(budget, { bytesTotal, waitersMax: 8, heldBytesMax: 64 * KIB }) };
}

function chunk(bytes: number, fill = 65): Uint8Array {
  return new Uint8Array(bytes).fill(fill);
}

test('a declared body takes its room with the first chunk, not before', () => {
  const { room, budget } = roomOf(100 * KIB);
  const body = new BodyReader(room, nobody, 64 * KIB, 20 * KIB);
  assert.equal(budget.usedBytes, 0);
  assert.equal(body.add(chunk(KIB), false), null);
  assert.equal(budget.usedBytes, 20 * KIB);
  assert.equal(body.add(chunk(19 * KIB, 66), true), null);
  assert.equal(body.length, 20 * KIB);
  assert.deepEqual([body.bytes[0], body.bytes[KIB]], [65, 66]);
  body.release(true);
  body.release(true);
  assert.equal(budget.usedBytes, 0);
});

test('a chunked body grows by doubling and is refused beyond its bound', () => {
  const { room, budget } = roomOf(1000 * KIB);
  const body = new BodyReader(room, nobody, 64 * KIB, -1);
  for (let i = 0; i < 64; i++) assert.equal(body.add(chunk(KIB, i), false), null);
  assert.equal(budget.usedBytes, 64 * KIB);
  for (let i = 0; i < 64; i++) assert.equal(body.bytes[i * KIB], i);
  assert.equal(body.add(chunk(1), true), 'body_too_large');
  body.release(false);
  assert.equal(budget.usedBytes, 0);
});

test('a body that does not fit waits with what came of it, and goes on when there is room', () => {
  const { room, budget } = roomOf(30 * KIB);
  let resumed = 0;
  const first = new BodyReader(room, nobody, 64 * KIB, 20 * KIB);
  const second = new BodyReader(room, { onBodyRoom: () => resumed++ }, 64 * KIB, 20 * KIB);
  assert.equal(first.add(chunk(KIB), false), null);
  assert.equal(second.add(chunk(KIB, 66), false), 'waits');
  assert.equal(second.add(chunk(KIB, 67), false), 'waits');
  assert.equal(room.heldBytes, 2 * KIB);
  room.serve();
  assert.equal(resumed, 0);
  first.release(true);
  room.serve();
  assert.equal(resumed, 1);
  assert.deepEqual([second.length, second.bytes[0], second.bytes[KIB], room.waiting], [2 * KIB, 66, 67, 0]);
  assert.equal(second.add(chunk(18 * KIB, 68), true), null);
  second.release(true);
  assert.equal(budget.usedBytes, 0);
});

test('a body that leaves while it waits leaves nothing behind', () => {
  const { room, budget } = roomOf(30 * KIB);
  const first = new BodyReader(room, nobody, 64 * KIB, 20 * KIB);
  const second = new BodyReader(room, nobody, 64 * KIB, 20 * KIB);
  first.add(chunk(KIB), false);
  assert.equal(second.add(chunk(KIB), false), 'waits');
  second.release(true);
  assert.deepEqual([room.waiting, room.heldBytes], [0, 0]);
  first.release(true);
  room.serve();
  assert.equal(budget.usedBytes, 0);
});

test('a body larger than the whole budget is refused at once', () => {
  const { room } = roomOf(30 * KIB);
  const body = new BodyReader(room, nobody, 64 * KIB, 40 * KIB);
  assert.equal(body.add(chunk(KIB), false), 'body_budget_exhausted');
});

test('a body that lies about its length is still bounded and whole', () => {
  const { room } = roomOf(1000 * KIB);
  const body = new BodyReader(room, nobody, 64 * KIB, 2);
  assert.equal(body.add(chunk(KIB), false), null);
  assert.equal(body.add(chunk(3 * KIB), true), null);
  assert.equal(body.length, 4 * KIB);
  body.release(true);
});

test('released memory is gone for whoever still holds a reference, unless a write may be pending', () => {
  const { room } = roomOf(1000 * KIB);
  for (const isFree of [true, false]) {
    const body = new BodyReader(room, nobody, 64 * KIB, 20 * KIB);
    body.add(chunk(20 * KIB), true);
    const { bytes } = body;
    body.release(isFree);
    assert.equal(bytes.length, isFree ? 0 : 20 * KIB);
    assert.throws(() => body.bytes, /released/);
  }
});

test('a length that is not believed takes room as the body comes; once it is, all of it', () => {
  const { room, budget } = roomOf(1024 * KIB);
  const body = new BodyReader(room, nobody, 512 * KIB, -1);
  assert.equal(body.add(chunk(KIB), false), null);
  assert.equal(budget.usedBytes, 16 * KIB);
  body.believe(300 * KIB);
  assert.equal(body.add(chunk(16 * KIB), false), null);
  assert.equal(budget.usedBytes, 300 * KIB);
  body.release(true);
  assert.equal(budget.usedBytes, 0);
});

test('memory of a small body serves the next one, unless somebody may still read from it', () => {
  const { room, budget } = roomOf(100 * KIB);
  const taken = (fill: number): BodyReader => {
    const body = new BodyReader(room, nobody, 64 * KIB, 700);
    assert.equal(body.add(chunk(300, fill), false), null);
    assert.equal(body.add(chunk(400, fill), true), null);
    assert.deepEqual([...new Set(body.bytes)], [fill]);
    assert.equal(body.bytes.length, 700);
    return body;
  };
  const first = taken(65);
  const memory = first.bytes.buffer;
  assert.equal(budget.usedBytes, 2 * KIB, 'all of the piece is counted');
  first.release(true);
  first.release(true);
  assert.equal(budget.usedBytes, 0);
  const second = taken(66);
  assert.equal(second.bytes.buffer, memory);
  const third = taken(67);
  assert.notEqual(third.bytes.buffer, memory, 'one piece serves two bodies at a time');
  third.release(true);
  const read = second.bytes;
  second.release(false);
  for (const fill of [68, 69]) assert.notEqual(taken(fill).bytes.buffer, memory);
  assert.deepEqual([...new Set(read)], [66], 'who may still read sees the body as it was');
});
