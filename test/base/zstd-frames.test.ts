import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { ZstdFrames } from '#base/zstd-frames.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom(7);

function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** Frames of every shape of head and block that the encoder makes. */
function frames(): Buffer[] {
  const contents = [Buffer.alloc(0), Buffer.from('x'), bytes(300), Buffer.alloc(400_000, 'ab'), bytes(300_000)];
  const params = [
    {},
    { [constants.ZSTD_c_checksumFlag]: 1 },
    { [constants.ZSTD_c_contentSizeFlag]: 0, [constants.ZSTD_c_checksumFlag]: 1 },
    { [constants.ZSTD_c_compressionLevel]: 19 },
  ];
  return contents.flatMap((content) => params.map((each) => zstdCompressSync(content, { params: each })));
}

function skippable(length: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a53, 0);
  head.writeUInt32LE(length, 4);
  return Buffer.concat([head, bytes(length)]);
}

test('every frame ends where its last byte is, and nowhere before', () => {
  for (const frame of [...frames(), skippable(0), skippable(70_000)]) {
    const followed = Buffer.concat([frame, Buffer.from('more')]);
    const walker = new ZstdFrames();
    assert.ok(walker.between);
    assert.equal(walker.walk(followed, 0), frame.length);
    assert.ok(walker.between);
    const cut = new ZstdFrames();
    assert.equal(cut.walk(frame.subarray(0, -1), 0), frame.length - 1);
    assert.equal(cut.between, false);
  }
});

test('frames that come in pieces end as those that come whole', () => {
  const all = frames();
  const body = Buffer.concat(all);
  const walker = new ZstdFrames();
  let ends = 0;
  for (let at = 0; at < body.length; ) {
    const piece = body.subarray(at, at + 1 + Math.floor(random() * 5_000));
    const end = walker.walk(piece, 0);
    at += end;
    if (walker.between) ends++;
  }
  assert.equal(ends, all.length);
  assert.ok(walker.between);
});

test('what is no frame has no end', () => {
  const walker = new ZstdFrames();
  assert.equal(walker.walk(Buffer.from('{"model":"x"}'), 0), 13);
  assert.equal(walker.between, false);
});
