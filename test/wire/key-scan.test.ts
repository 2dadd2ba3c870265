import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWordAt, KeyScan, objectAt, objectEnd, stringAt } from '#wire/key-scan.ts';
import { below } from '../support/request-generator.ts';
import { seededRandom } from '../support/seeded-random.ts';

const KEYS = [
  { name: 'usage', isText: false },
  { name: 'text', isText: true },
  { name: 'content', isText: true },
];
const scan = new KeyScan(KEYS);

function scanned(text: string, missingBytes = 0): [at: number[], textBytes: number] {
  const bytes = Buffer.from(text);
  scan.scan(bytes, 0, bytes.length, missingBytes);
  return [[...scan.valueAt], scan.textBytes];
}

test('a key is a string before a colon, at any depth; the first one counts', () => {
  assert.deepEqual(scanned('{"usage":1,"a":{"usage":2}}'), [[9, -1, -1], 0]);
  assert.deepEqual(scanned('[{"a":[{"usage" : 2}]}]'), [[17, -1, -1], 0]);
  assert.deepEqual(scanned('{"a":"usage","b":["usage"]}'), [[-1, -1, -1], 0], 'values are none');
  assert.deepEqual(scanned('{"usage2":1,"usag":1,"\\usage":1}'), [[-1, -1, -1], 0], 'nor are other names');
});

test("a key deeper than its depth is somebody else's, and of several the outermost counts", () => {
  const shallow = new KeyScan([
    { name: 'usage', isText: false, depthMax: 2 },
    { name: 'id', isText: false },
  ]);
  const at = (text: string) => {
    shallow.scan(Buffer.from(text), 0, text.length, 0);
    return [...shallow.valueAt];
  };
  assert.deepEqual(at('{"a":{"b":{"usage":1}}}'), [-1, -1]);
  assert.deepEqual(at('[{"a":[["usage"]],"usage":1}]'), [26, -1]);
  assert.deepEqual(at('{"a":{"usage":1},"usage":2,"b":{"id":1},"c":{"id":2}}'), [25, 37]);
  assert.deepEqual(at('{"a":"}]}]","b":{"[":"{","c":{"usage":1}}}'), [-1, -1], 'brackets in strings are none');
  assert.deepEqual(at('}}}{"usage":1}'), [12, -1]);
});

test('texts under text keys are counted as they stand, an escape with its own length', () => {
  assert.equal(scanned('{"text":"abc","content":"d"}')[1], 4);
  assert.equal(scanned('{"text":"a\\"b\\\\","x":"yyy"}')[1], 6);
  assert.equal(scanned('{"text":"é😀"}')[1], 6);
  assert.equal(scanned('{"text":null,"x":"yyy"}')[1], 0);
  assert.equal(scanned('{"text":{"value":"yyy"}}')[1], 0);
});

test('a text that is cut off counts what is missing as well', () => {
  assert.equal(scanned('{"text":"abc', 1000)[1], 1003);
  assert.equal(scanned('{"x":"abc', 1000)[1], 0);
  assert.equal(scanned('{"text":"abc\\', 10)[1], 14);
});

test('objects and strings are read where they begin, or not at all', () => {
  const bytes = Buffer.from('{"a": {"b":"}\\"{","c":[{}]} ,"d":"x\\u0041", "e":{"f":');
  assert.deepEqual(objectAt(bytes, 5, bytes.length), { b: '}"{', c: [{}] });
  assert.equal(objectEnd(bytes, 5, bytes.length), -1, 'a space is no object');
  assert.equal(objectAt(bytes, bytes.indexOf('{"f"'), bytes.length), null, 'it is not whole');
  assert.equal(stringAt(bytes, bytes.indexOf('"x'), bytes.length), 'xA');
  assert.equal(stringAt(bytes, bytes.indexOf('"x'), bytes.indexOf('"x') + 4), null);
  assert.equal(objectAt(Buffer.from('{"a":}'), 0, 6), null, 'nor is it JSON');
});

test('whether a string that is not empty begins there is told without looking beyond the end', () => {
  const bytes = Buffer.from('"a":  "b"');
  assert.deepEqual(
    [4, 5, 6, 7, -1].map((at) => isWordAt(bytes, at, bytes.length)),
    [true, true, true, false, false],
  );
  assert.equal(isWordAt(bytes, 4, 7), false);
  assert.equal(isWordAt(Buffer.from(' ""'), 0, 3), false);
});

test('whatever the bytes, positions lie within them and nothing throws', () => {
  const random = seededRandom(5);
  const words = ['{', '}', '[', ']', ':', ',', '"', '\\', '"usage":', '"text":"', '"content" :"ab"', '\0', ' ', 'x'];
  for (let round = 0; round < 3_000; round++) {
    const text = Array.from({ length: below(random, 30) }, () => words[below(random, words.length)]).join('');
    const [at, textBytes] = scanned(text, 7);
    for (const position of at) assert.ok(position >= -1 && position <= text.length, text);
    assert.ok(textBytes >= 0 && textBytes <= text.length + 7, text);
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i++) {
      objectAt(bytes, i, bytes.length);
      stringAt(bytes, i, bytes.length);
      assert.ok(objectEnd(bytes, i, bytes.length) <= bytes.length);
    }
  }
});
