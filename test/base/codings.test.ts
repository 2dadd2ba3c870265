import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, constants, zstdCompressSync } from 'node:zlib';
import { CODINGS, readCoding, WINDOW_BYTES_MAX, windowBytes } from '#base/codings.ts';

test('one known coding is read whatever its case; several, unknown ones and parameters are not', () => {
  for (const coding of CODINGS) assert.equal(readCoding(` ${coding.toUpperCase()} `), coding);
  assert.deepEqual([readCoding(''), readCoding('Identity'), readCoding('X-GZIP')], ['identity', 'identity', 'gzip']);
  for (const value of ['compress', 'gzip,br', 'gzip, identity', 'gzip;q=1', '*', 'toString'])
    assert.equal(readCoding(value), null, value);
});

test('the window of a brotli body is read from its first byte', () => {
  const text = Buffer.alloc(1_000_000, 'penstock ');
  for (let bits = 10; bits <= 24; bits++) {
    const params = { [constants.BROTLI_PARAM_LGWIN]: bits, [constants.BROTLI_PARAM_SIZE_HINT]: 0 };
    const packed = brotliCompressSync(text, { params });
    assert.equal(windowBytes('br', packed), 2 ** bits, `${bits} bits`);
  }
  assert.equal(windowBytes('br', new Uint8Array(0)), WINDOW_BYTES_MAX);
});

test('the window of a zstd body is read from its head, and never counts as more than is granted', () => {
  const text = Buffer.alloc(20_000_000, 'penstock ');
  for (const log of [20, 21, 23]) {
    const packed = zstdCompressSync(text, { params: { [constants.ZSTD_c_windowLog]: log } });
    assert.equal(windowBytes('zstd', packed), 2 ** log, `${log} bits`);
  }
  const one = (bytes: number): number => windowBytes('zstd', zstdCompressSync(Buffer.alloc(bytes, 'ab')));
  assert.deepEqual([one(200), one(20_000), one(1_500_000)], [2 ** 20, 2 ** 20, 2 ** 21], 'frames of one segment');
  const large = zstdCompressSync(text, { params: { [constants.ZSTD_c_windowLog]: 24 } });
  assert.equal(windowBytes('zstd', large), 2 ** 23, 'the decoder refuses it');
  assert.equal(windowBytes('zstd', large.subarray(0, 16)), 2 ** 23, 'too little to tell');
  assert.equal(windowBytes('gzip', large), 2 ** 15);
});
