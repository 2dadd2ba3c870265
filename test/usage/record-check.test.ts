import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from '#base/msgpack.ts';
import type { UsageRecord } from '#usage/record.ts';
import { RecordCheck } from '#usage/record-check.ts';
import { decodeRecord, encodeRecord } from '#usage/record-codec.ts';
import { RecordCursor } from '#usage/record-cursor.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { makeRecord } from '../support/usage-records.ts';

const check = new RecordCheck();

function decoded(bytes: Uint8Array): UsageRecord | null {
  try {
    return decodeRecord(bytes);
  } catch {
    return null;
  }
}

function checked(bytes: Uint8Array): Uint8Array | null {
  try {
    return check.check(bytes);
  } catch {
    return null;
  }
}

/** The check passes what decodes, nothing else, and tells of it what the record holds. */
function assertAgrees(bytes: Uint8Array): void {
  const record = decoded(bytes);
  const passed = checked(bytes);
  const hex = Buffer.from(bytes).toString('hex');
  assert.equal(passed !== null, record !== null, hex);
  if (record === null || passed === null) return;
  assert.deepEqual(decodeRecord(passed), record, hex);
  assert.equal(check.userId, record.userId, hex);
  assert.equal(check.chargedNanoUsd, record.chargedNanoUsd, hex);
}

test('a plain record passes as it is', () => {
  const bytes = Buffer.from(
    encodeRecord(makeRecord({ userId: 70_000, firstByteMs: -1, chargedNanoUsd: 2n ** 63n - 1n })),
  );
  assert.equal(check.check(bytes), bytes);
  assert.equal(check.userId, 70_000);
  assert.equal(check.chargedNanoUsd, 2n ** 63n - 1n);
});

/** A record of this version whose every field is another. */
const FULL = makeRecord({
  firstByteMs: -1,
  protocol: 'chat',
  upstreamProtocol: 'p'.repeat(32),
  serviceTier: 'flex',
  reasoningTokens: 1,
  audioInputTokens: 200,
  audioOutputTokens: 300,
  imageInputTokens: 70_000,
  imageOutputTokens: 2 ** 31 - 1,
  mediaItems: 6,
  mediaSeconds: 7,
  chargedNanoUsd: 77n,
});

test('a plain record of this version passes with all that it counts', () => {
  const bytes = Buffer.from(encodeRecord(FULL));
  assert.equal(check.check(bytes), bytes);
  assert.deepEqual(decodeRecord(bytes), FULL);
  assert.equal(check.chargedNanoUsd, 77n);
});

test('a record of formats 1 and 2 passes completed, in the form that is walked', () => {
  const record = makeRecord({ userId: 9, chargedNanoUsd: 78n });
  const earlier = pack((unpack(encodeRecord(record)) as unknown[]).slice(0, 27));
  const passed = check.check(earlier);
  assert.notEqual(passed, earlier);
  assert.deepEqual(Buffer.from(passed), Buffer.from(encodeRecord(record)));
  assert.deepEqual([check.userId, check.chargedNanoUsd], [9, 78n]);
  assert.equal(check.check(passed), passed);
});

test('texts beyond ASCII and fields of later versions pass in the form that is walked', () => {
  const record = { ...FULL, model: 'modèle 🙂', clientRequestId: 'a\tb', serviceTier: 'é' };
  const fields = unpack(encodeRecord(record)) as unknown[];
  for (const bytes of [Buffer.from(encodeRecord(record)), pack([...fields, 'later']), pack([...fields, 1, 2n, null])]) {
    const passed = check.check(bytes);
    assert.deepEqual(Buffer.from(passed), Buffer.from(encodeRecord(record)));
    assert.equal(check.chargedNanoUsd, 77n);
  }
});

test('a record with as many fields as no version has is refused', () => {
  const fields = unpack(encodeRecord(FULL)) as unknown[];
  for (let count = 0; count < fields.length; count++) {
    const bytes = pack(fields.slice(0, count));
    assertAgrees(bytes);
    assert.equal(checked(bytes) !== null, count === 27, `${count} fields`);
  }
});

test('it passes what decodes and nothing else, whatever is wrong', () => {
  const random = seededRandom(4711);
  const good = Buffer.from(
    encodeRecord({ ...FULL, firstByteMs: 350, inputTokens: 70_000, outputTokens: 300, cacheReadTokens: 200 }),
  );
  for (let length = 0; length < good.length; length++) assertAgrees(good.subarray(0, length));
  assertAgrees(Buffer.concat([good, Buffer.from([1])]));
  const fields = unpack(good) as unknown[];
  for (const value of [
    null,
    -2,
    -1,
    1.5,
    2 ** 15,
    2 ** 31,
    2 ** 53,
    -1n,
    1n,
    2n ** 63n,
    'text',
    'é',
    'x'.repeat(33),
    'x'.repeat(65),
    'x'.repeat(129),
    '\0',
    true,
    [],
    {},
  ]) {
    for (let index = 0; index < fields.length; index++) assertAgrees(pack(fields.with(index, value)));
  }
  let passed = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(good);
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    assertAgrees(bytes);
    if (checked(bytes) !== null) passed++;
  }
  assert.ok(passed > 1000 && passed < 19_000, `${passed} of 20,000 pass`);
});

test('a walk never leaves the bytes', () => {
  const cursor = new RecordCursor();
  cursor.start(encodeRecord(makeRecord()).subarray(0, 20));
  cursor.requestId();
  cursor.int(0, 1);
  cursor.nano();
  assert.ok(!cursor.end());
});
