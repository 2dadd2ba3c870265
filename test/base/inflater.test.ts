import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Coding } from '#base/codings.ts';
import { OUT_BYTES } from '#base/inflater.ts';
import { COMPRESS, COMPRESSIONS, Inflated } from '../support/inflated.ts';
import { waitFor } from '../support/wait-for.ts';

const TEXT = JSON.stringify({ a: 'é'.repeat(60_000), b: Array.from({ length: 20_000 }, (_, i) => i) });

async function inflate(coding: Coding, ...pieces: Buffer[]): Promise<Inflated> {
  const inflated = new Inflated(coding);
  for (const piece of pieces) inflated.inflater.push(piece);
  inflated.inflater.end();
  await waitFor('the end of a body', () => inflated.end !== 'open');
  return inflated;
}

function cut(bytes: Buffer, pieceBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}

for (const [name, coding, compress] of COMPRESSIONS) {
  test(`${name}: a body comes out as it was, however it was cut`, async () => {
    const body = compress(TEXT);
    for (const pieces of [[body], cut(body, 1_000), cut(compress('short'), 1)]) {
      const inflated = await inflate(coding, ...pieces);
      assert.deepEqual([inflated.end, inflated.fault], ['whole', '']);
      assert.equal(inflated.bytes.toString(), pieces[0]!.length === 1 ? 'short' : TEXT);
      assert.ok(inflated.chunks.every((chunk) => chunk.length <= OUT_BYTES));
    }
  });

  test(`${name}: a body that breaks off is at fault, wherever it does`, async () => {
    const body = compress(TEXT);
    for (const bytes of [1, 2, 9, body.length >> 1, body.length - 1])
      assert.equal((await inflate(coding, body.subarray(0, bytes))).fault, 'it ends early', `${bytes} bytes`);
  });

  test(`${name}: bytes behind the end are at fault, with it or after it`, async () => {
    const body = compress(TEXT);
    for (const behind of [Buffer.from('garbage'), Buffer.alloc(4)]) {
      for (const pieces of [[Buffer.concat([body, behind])], [body, behind]])
        assert.match((await inflate(coding, ...pieces)).fault, /^(there are bytes behind its end|it is not valid)$/);
    }
  });
}

test('what is not compressed at all is not valid', async () => {
  for (const coding of ['gzip', 'br', 'zstd', 'deflate'] as const)
    assert.equal((await inflate(coding, Buffer.from('{"model":"x"}'))).fault, 'it is not valid', coding);
});

test('a body of nothing is nothing', async () => {
  assert.deepEqual([(await inflate('gzip')).end, (await inflate('zstd')).end], ['whole', 'whole']);
});

test('several members of gzip and several frames of zstd are one body', async () => {
  for (const coding of ['gzip', 'zstd'] as const) {
    const parts = [COMPRESS[coding]('one '), COMPRESS[coding](''), COMPRESS[coding]('two')];
    for (const pieces of [parts, [Buffer.concat(parts)], cut(Buffer.concat(parts), 3)])
      assert.equal((await inflate(coding, ...pieces)).bytes.toString(), 'one two', coding);
  }
});

test('a zstd window that is larger than a sender may count on is refused', async () => {
  const params = { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 0 };
  const inflated = await inflate('zstd', zstdCompressSync(Buffer.alloc(20_000_000, 'x'), { params }));
  assert.equal(inflated.fault, 'it is not valid');
});

test('paused, it takes nothing more in, gives nothing out, and loses nothing', async () => {
  const bomb = COMPRESS.gzip(Buffer.alloc(20_000_000, 'x'));
  const inflated = new Inflated('gzip');
  inflated.inflater.push(bomb);
  await waitFor('the first bytes', () => inflated.chunks.length > 0);
  inflated.inflater.pause();
  const before = inflated.bytes.length;
  inflated.inflater.end();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(inflated.bytes.length, before);
  assert.deepEqual([inflated.hungry, inflated.inflater.idle], [0, false]);
  inflated.inflater.resume();
  await waitFor('the end', () => inflated.end === 'whole');
  assert.equal(inflated.bytes.length, 20_000_000);
});

test('destroyed in the middle, it tells nothing more', async () => {
  const inflated = new Inflated('br');
  inflated.inflater.push(COMPRESS.br(Buffer.alloc(20_000_000, 'x')));
  await waitFor('the first bytes', () => inflated.chunks.length > 0);
  inflated.inflater.destroy();
  inflated.inflater.push(Buffer.from('x'));
  inflated.inflater.end();
  const before = inflated.chunks.length;
  // Another body passes through the same helper threads meanwhile.
  await inflate('gzip', COMPRESS.gzip(TEXT));
  assert.deepEqual([inflated.chunks.length, inflated.end], [before, 'open']);
});
