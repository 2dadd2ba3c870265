import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyScan } from '#wire/key-scan.ts';
import { FramePatterns, KnownFrames } from '#wire/known-frames.ts';

const frame = (name: string | number, value: number): Buffer => Buffer.from(`{"k${name}":${value}}`);
const find = (known: KnownFrames, bytes: Buffer): boolean => known.find(bytes, 0, bytes.length) === bytes.length;

function learn(known: KnownFrames, bytes: Buffer): void {
  const end = bytes.length;
  known.learn({ bytes, start: 0, end, dataStart: 0, dataEnd: end, markStart: -1, markEnd: -1, flags: 1 });
}

const makePatterns = (): FramePatterns => new FramePatterns(new KeyScan([{ name: 'text', isText: true }]));

test('a frame that was learned is found by its stream, and by others of its protocol', () => {
  const patterns = makePatterns();
  const [one, other] = [new KnownFrames(patterns), new KnownFrames(patterns)];
  assert.equal(find(one, frame('a', 1)), false);
  assert.equal(one.flags, 0);
  learn(one, frame('a', 1));
  assert.equal(find(one, frame('a', 22)), true);
  assert.equal(one.flags, 1);
  assert.equal(find(other, frame('a', 333)), true);
  one.reset();
  assert.equal(one.flags, 0);
  assert.equal(find(one, frame('a', 1)), true);
});

test('only what was just looked for in vain is learned', () => {
  const patterns = makePatterns();
  const known = new KnownFrames(patterns);
  learn(known, frame('a', 1));
  assert.equal(patterns.list.length, 0);
  find(known, frame('a', 1));
  learn(known, frame('a', 1));
  find(known, frame('a', 2));
  learn(known, frame('a', 2));
  assert.equal(patterns.list.length, 1);
});

test('patterns are bounded: the oldest makes room', () => {
  const patterns = makePatterns();
  for (let i = 0; i < 40; i++) {
    const known = new KnownFrames(patterns);
    find(known, frame(i, 1));
    learn(known, frame(i, 1));
  }
  assert.equal(patterns.list.length, 16);
  const found = Array.from({ length: 40 }, (_, i) => find(new KnownFrames(patterns), frame(i, 7)));
  assert.deepEqual(
    found.flatMap((isFound, i) => (isFound ? [i] : [])),
    [24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39],
  );
});

test('a stream whose frames never repeat learns little, and still finds back when they do', () => {
  const patterns = makePatterns();
  const known = new KnownFrames(patterns);
  let learned = 0;
  for (let i = 0; i < 640; i++) {
    find(known, frame(i, 1));
    const before = patterns.list.slice();
    learn(known, frame(i, 1));
    if (patterns.list.some((pattern, at) => pattern !== before[at])) learned++;
  }
  assert.ok(learned <= 16 + 10, `${learned} were learned`);
  let read = 0;
  for (; read < 200 && !find(known, frame('again', read)); read++) learn(known, frame('again', read));
  assert.ok(read <= 64, `${read} were read`);
});
