import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from '#base/msgpack.ts';
import { RECORD_BYTES_MAX } from '#usage/record.ts';
import { decodeRecord, encodeRecord, RecordError } from '#usage/record-codec.ts';
import { makeRecord } from '../support/usage-records.ts';

test('a record comes back as it was', () => {
  const record = makeRecord({ firstByteMs: -1, model: 'modèle-é', costNanoUsd: 2n ** 63n - 1n, stream: false });
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  const media = makeRecord({
    protocol: 'chat',
    upstreamProtocol: 'gemini',
    serviceTier: 'flex',
    reasoningTokens: 1,
    audioInputTokens: 2,
    audioOutputTokens: 3,
    imageInputTokens: 4,
    imageOutputTokens: 5,
    mediaItems: 6,
    mediaSeconds: 7,
  });
  assert.deepEqual(decodeRecord(encodeRecord(media)), media);
});

test('a record of formats 1 and 2 is one of Anthropic Messages without sound, pictures and media', () => {
  const record = makeRecord();
  const fields = unpack(encodeRecord(record)) as unknown[];
  assert.deepEqual(decodeRecord(pack(fields.slice(0, 27))), record);
  for (let count = 0; count < fields.length; count++) {
    if (count !== 27) assert.throws(() => decodeRecord(pack(fields.slice(0, count))), RecordError, `${count} fields`);
  }
});

test('whatever a record holds, its bytes stay below the bound and decode', () => {
  const hostile = ['\0', '\ud800', '🙂', 'x', '\u0000é', '\\'].map((piece) => piece.repeat(5000));
  for (const text of hostile) {
    const record = makeRecord({
      model: text,
      upstreamModel: text,
      clientRequestId: text,
      upstreamRequestId: text,
      protocol: text,
      upstreamProtocol: text,
      serviceTier: text,
      mediaSeconds: -1,
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
    assert.ok(Buffer.byteLength(back.serviceTier) <= 32);
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
