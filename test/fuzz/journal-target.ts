/**
 * What reads a journal after a crash: any bytes are cut into frames and damage without a gap, the same ones whether the file is read
 * at once or in parts, and a record is decoded or refused, never half taken.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { pack } from '#base/msgpack.ts';
import { scanFrames } from '#usage/journal-segment.ts';
import { decodeRecord, encodeRecord } from '#usage/record-codec.ts';
import { below } from '../support/request-generator.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { makeRecord } from '../support/usage-records.ts';
import { seedOf, type Target, texts } from './target.ts';

function frame(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

type Piece = readonly [kind: 'frame' | 'bad', start: number, end: number];

/** Frames and bad stretches of a file that is read in parts which grow from what was not taken. */
function piecesOf(bytes: Buffer, rowsMax: number, partBytes: number): Piece[] {
  const pieces: Piece[] = [];
  let read = Math.min(bytes.length, partBytes);
  for (let at = 0; ; ) {
    const atEnd = read === bytes.length;
    const scan = scanFrames(bytes.subarray(at, read), at, { rowsMax, bytesMax: Number.POSITIVE_INFINITY, atEnd });
    for (const { start, end } of scan.frames) pieces.push(['frame', start, end]);
    for (const { start, end } of scan.bad) pieces.push(['bad', start, end]);
    assert.ok(scan.next >= at && scan.next <= read);
    if (atEnd && scan.next === bytes.length) return joined(pieces);
    if (atEnd) assert.ok(scan.next > at, 'a scan of a whole file goes on');
    at = scan.next;
    read = Math.min(bytes.length, read + partBytes);
  }
}

/** In order; stretches of damage that touch are one. */
function joined(pieces: Piece[]): Piece[] {
  const ordered: Piece[] = [];
  for (const piece of pieces.sort((a, b) => a[1] - b[1])) {
    const last = ordered.at(-1);
    if (last !== undefined && last[0] === 'bad' && piece[0] === 'bad' && last[2] === piece[1])
      ordered[ordered.length - 1] = ['bad', last[1], piece[2]];
    else ordered.push(piece);
  }
  return ordered;
}

function checkRecord(payload: Uint8Array): void {
  let record: ReturnType<typeof decodeRecord>;
  try {
    record = decodeRecord(payload);
  } catch (error) {
    assert.ok(error instanceof Error);
    return;
  }
  assert.deepEqual(decodeRecord(encodeRecord(record)), record, 'what was decoded can be encoded again');
}

function check(bytes: Buffer): void {
  const random = seededRandom(seedOf(bytes));
  const whole = piecesOf(bytes, Number.POSITIVE_INFINITY, bytes.length);
  let at = 0;
  for (const [kind, start, end] of whole) {
    assert.ok(start === at && end > start, 'no gap, no overlap');
    at = end;
    if (kind === 'frame') checkRecord(bytes.subarray(start + 8, end));
  }
  assert.equal(at, bytes.length);
  assert.deepEqual(piecesOf(bytes, 1 + below(random, 3), 1 + below(random, 200)), whole, 'in parts');
  checkRecord(bytes);
}

const fixed = {
  requestId: '019a0000000070008000000000000001',
  createdAtMs: 1_780_000_000_000,
  clientRequestId: 'client',
  upstreamRequestId: 'req_1',
};
const records = (['completed', 'client_gone', 'interrupted'] as const).map((status) =>
  Buffer.from(encodeRecord(makeRecord({ ...fixed, status, costNanoUsd: 2n ** 62n }))),
);

export const journalTarget: Target = {
  name: 'journal',
  check,
  seeds: [
    Buffer.concat(records.map(frame)),
    Buffer.concat([frame(records[0]!), Buffer.from('damage'), frame(records[1]!)]),
    frame(records[0]!).subarray(0, 60),
    ...records.map((record) => Buffer.from(record)),
    frame(Buffer.from('no record')),
    frame(pack([1, 2, 3])),
    Buffer.alloc(100),
  ],
  words: [
    ...texts(
      '\0\0\0\0',
      '\x01\0\0\0',
      '\xff\xff\xff\xff',
      '\xff\xff\xff\x7f',
      '\xdc\xff\xff',
      '\xdd\x7f\xff\xff\xff',
      '\xdb\x7f\xff\xff\xff',
      '\xc0',
      '\xc1',
      '\xc7',
      '\xd4\x72\x40',
      '\xcb\x7f\xf8\0\0\0\0\0\0',
      '\xdf\x7f\xff\xff\xff',
    ),
    frame(records[0]!),
    frame(Buffer.from('x')),
    Buffer.from(records[0]!),
  ],
  sources: /\/src\/usage\/(journal-segment|record-codec)/,
};
