import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from '#base/msgpack.ts';
import { RECORD_BYTES_MAX } from '#usage/record.ts';
import { decodeRecord, encodeRecord, RecordError } from '#usage/record-codec.ts';
import { makeRecord } from '../support/usage-records.ts';

test('a record comes back as it was', () => {
  const record = makeRecord({ firstByteMs: -1, model: 'modèle-é', costNanoUsd: 2n ** 63n - 1n, stream: false });
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
});

test('whatever a record holds, its bytes stay below the bound and decode', () => {
  const hostile = ['\0', '\ud800', '🙂', 'x', '\u0000é', '\\'].map((piece) => piece.repeat(5000));
  for (const text of hostile) {
    const record = makeRecord({
      model: text,
      upstreamModel: text,
      clientRequestId: text,
      upstreamRequestId: text,
      userId: 2 ** 40,
      inputTokens: Number.NaN,
      outputTokens: Number.POSITIVE_INFINITY,
      durationMs: -5,
      queueMs: 1.5,
      chargedNanoUsd: 2n ** 70n,
      costNanoUsd: -1n,
    });
    const bytes = encodeRecord(record);
    assert.ok(bytes.length <= RECORD_BYTES_MAX, `${bytes.length} bytes`);
    const back = decodeRecord(bytes);
    assert.ok(Buffer.byteLength(back.model) <= 128);
    assert.ok(back.model.isWellFormed());
    assert.equal(back.inputTokens, 0);
    assert.equal(back.outputTokens, 2 ** 31 - 1);
    assert.equal(back.queueMs, 1);
    assert.equal(back.costNanoUsd, 0n);
  }
});

test('bytes that are no record are refused field by field', () => {
  const fields = unpack(encodeRecord(makeRecord())) as unknown[];
  assert.throws(() => decodeRecord(pack('x')), RecordError);
  assert.throws(() => decodeRecord(pack([])), RecordError);
  for (let i = 0; i < fields.length; i++) {
    const broken = fields.with(i, { no: 'field' });
    assert.throws(() => decodeRecord(pack(broken)), RecordError, `field ${i}`);
  }
  assert.doesNotThrow(() => decodeRecord(pack([...fields, 'a field of a later version'])));
});
