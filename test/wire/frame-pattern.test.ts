import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FramePattern, matched } from '#wire/frame-pattern.ts';
import { KeyScan } from '#wire/key-scan.ts';

const keys = new KeyScan([
  { name: 'text', isText: true },
  { name: 'type', isText: false, isFixed: true },
]);

function learned(text: string, mark = ''): FramePattern | null {
  const bytes = Buffer.from(text);
  const markStart = mark === '' ? -1 : text.indexOf(mark);
  const markEnd = mark === '' ? -1 : markStart + mark.length;
  const dataStart = text.indexOf('{');
  const dataEnd = text.lastIndexOf('}') + 1;
  const frame = { bytes, start: 0, end: bytes.length, dataStart, dataEnd, markStart, markEnd, flags: 5 };
  return FramePattern.learn(frame, keys);
}

const FRAME = 'id: 1\ndata: {"type":"a","n":12,"text":"Hello","o":[-1.5,null],"x":"y"}\n\n';
const match = (text: string, pattern = learned(FRAME)!): number => {
  const bytes = Buffer.from(`..${text}..`);
  const end = pattern.match(bytes, 2, bytes.length - 2);
  return end < 0 ? -1 : end - 2;
};

test('what strings and numbers say may differ, and the text is measured', () => {
  for (const [value, bytes] of [
    ['', 0],
    ['Hello', 5],
    ['a\\"b\\\\', 6],
    ['é漢', 5],
    ['x'.repeat(5_000), 5_000],
  ] as const) {
    const other = FRAME.replace('Hello', value).replace('12', '3456').replace('-1.5', '-0.25').replace('"y"', '""');
    assert.equal(match(other), Buffer.byteLength(other), value);
    assert.equal(matched.textBytes, bytes);
  }
});

test('everything else must be the same, to the byte', () => {
  for (let at = 0; at < FRAME.length; at++) {
    const other = `${FRAME.slice(0, at)}\x01${FRAME.slice(at + 1)}`;
    assert.equal(match(other), -1, `changed at ${at}`);
    assert.equal(match(FRAME.slice(0, at)), -1, `cut at ${at}`);
  }
  for (const [from, to] of [
    ['"a"', '"b"'],
    ['id: 1', 'id: 2'],
    ['12', ''],
    ['12', '"12"'],
    ['null', 'true'],
    ['"Hello"', 'null'],
    ['[', '[0,'],
  ]) {
    assert.equal(match(FRAME.replace(from!, to!)), -1, to);
  }
});

test('no line end, no other control character and no open string fills a hole', () => {
  for (const value of ['a\nb', '\r', 'a\\\nb', '\0', 'abc\\'])
    assert.equal(match(FRAME.replace('Hello', value)), -1, value);
});

test('bytes behind the limit do not count, though they are there', () => {
  const pattern = learned(FRAME)!;
  const bytes = Buffer.from(FRAME);
  for (let limit = 0; limit < bytes.length; limit++) assert.equal(pattern.match(bytes, 0, limit), -1);
  assert.equal(pattern.match(bytes, 0, bytes.length), bytes.length);
});

test('the place of the marked object and the flags are told of each match', () => {
  const frame = '{"a":1,"usage":{"n":[10,{}]},"b":"c"}';
  const pattern = learned(frame, '{"n":[10,{}]}')!;
  const other = frame.replace('1', '123').replace('10', '7');
  assert.equal(match(other, pattern), other.length);
  assert.equal(`..${other}`.slice(matched.markStart, matched.markEnd), '{"n":[7,{}]}');
  assert.equal(pattern.flags, 5);
  match(FRAME);
  assert.deepEqual([matched.markStart, matched.markEnd], [-1, -1]);
});

test('a frame that is too long, has too many holes or an open string is not learned', () => {
  assert.equal(learned(`{"a":"${'x'.repeat(3_000)}"}`), null);
  assert.equal(learned(`{"a":[${'1,'.repeat(100)}1]}`), null);
  assert.equal(learned('{"a":"x\\"}'), null);
});

test('bytes of any buffer are read, wherever they lie in it', () => {
  const pattern = learned(FRAME)!;
  for (let offset = 0; offset < 9; offset++) {
    for (const size of [FRAME.length + offset, 300_000]) {
      const whole = Buffer.alloc(size);
      whole.write(FRAME, offset);
      assert.equal(pattern.match(whole.subarray(offset, offset + FRAME.length), 0, FRAME.length), FRAME.length);
    }
  }
});
