import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonArraySplitter, type JsonElementSink } from '#wire/json-array-splitter.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';

const ELEMENT_BYTES_MAX = 256;

class Recorder implements JsonElementSink {
  readonly texts: string[] = [];
  readonly cutBytes: number[] = [];
  readonly sources: Buffer[] = [];

  element(bytes: Buffer, start: number, end: number, elementBytes: number): void {
    this.texts.push(bytes.toString('latin1', start, end));
    this.cutBytes.push(elementBytes - (end - start));
    this.sources.push(bytes);
  }
}

interface Seen {
  texts: string[];
  cutBytes: number[];
  closed: boolean;
  unfinishedBytes: number;
}

function split(pieces: readonly Uint8Array[], elementBytesMax = ELEMENT_BYTES_MAX): Seen {
  const recorder = new Recorder();
  const splitter = new JsonArraySplitter(recorder, elementBytesMax);
  for (const piece of pieces) splitter.push(piece);
  const { closed, unfinishedBytes } = splitter;
  return { texts: recorder.texts, cutBytes: recorder.cutBytes, closed, unfinishedBytes };
}

/** Cuts into two pieces at every place, and into single bytes: all have to give what the whole gives. */
function splitEverywhere(text: string): Seen {
  const bytes = Buffer.from(text, 'latin1');
  const whole = split([bytes]);
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(split([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at} of ${text}`);
  }
  assert.deepEqual(split(cutAnywhere(bytes, 1, 1)), whole, text);
  return whole;
}

const finished = (texts: string[]): Seen => ({
  texts,
  cutBytes: texts.map(() => 0),
  closed: true,
  unfinishedBytes: 0,
});

test('each element is delivered as it was written, whatever stands between', () => {
  assert.deepEqual(splitEverywhere('[{"a":1}\n,\r\n{"b":[2,{}]}\n]\n'), finished(['{"a":1}', '{"b":[2,{}]}']));
  assert.deepEqual(splitEverywhere('\xef\xbb\xbf \t[ {"a" : 1} ,[3] ]'), finished(['{"a" : 1}', '[3]']));
});

test('brackets, commas and quotes inside strings say nothing', () => {
  const texts = ['{"a":"]},{[\\"]"}', '{"\\\\":"\\\\"}', '{"b":"\\\\\\""}', '{"":"\\u005d\xc3\xa9"}'];
  assert.deepEqual(splitEverywhere(`[${texts.join(',')}]`), finished(texts));
});

test('long strings are passed over wherever their escapes lie', () => {
  const texts: string[] = [];
  for (let length = 20; length < 30; length++) {
    texts.push(`{"a":"${'x'.repeat(length)}\\\\"}`, `{"a":"${'x'.repeat(length)}\\"]}${'y'.repeat(60)}"}`);
  }
  assert.deepEqual(splitEverywhere(`[${texts.join('\n,\r\n')}]`), finished(texts));
});

test('one bare object stands for an array of one', () => {
  assert.deepEqual(splitEverywhere('\n{"error":{"code":503}}\n'), finished(['{"error":{"code":503}}']));
});

test('an empty array is closed and has no elements', () => {
  assert.deepEqual(splitEverywhere(' [ ] '), finished([]));
});

test('what follows the end is ignored', () => {
  assert.deepEqual(splitEverywhere('[{"a":1}]{"b":2}[{"c":3}]'), finished(['{"a":1}']));
  assert.deepEqual(splitEverywhere('{"a":1},{"b":2}]'), finished(['{"a":1}']));
});

test('scalars are passed over', () => {
  assert.deepEqual(splitEverywhere('[1,null,"{]\\"",{"a":1},true,"]"]'), finished(['{"a":1}']));
});

test('an error that was put behind an element without a comma is an element too', () => {
  const seen = splitEverywhere('[{"a":1}\n{"error":{}}');
  assert.deepEqual(seen.texts, ['{"a":1}', '{"error":{}}']);
  assert.equal(seen.closed, false);
});

test('an array that breaks off is not closed and says how much of an element is unfinished', () => {
  for (const [text, unfinishedBytes] of [
    ['', 0],
    ['[', 0],
    ['[{"a":1}', 0],
    ['[{"a":1}\n,\r\n', 0],
    ['[{"a":1},{"b', 3],
    ['{"b"', 4],
    ['[{"a":1},{"b":"\\', 7],
  ] as const) {
    const seen = splitEverywhere(text);
    assert.equal(seen.closed, false, text);
    assert.equal(seen.unfinishedBytes, unfinishedBytes, text);
  }
});

test('what is no JSON array has no elements and never closes', () => {
  for (const text of ['<html>[{"a":1}]</html>', '"[{}]"', '7', 'data: {"a":1}\r\n\r\n']) {
    assert.deepEqual(splitEverywhere(text), { texts: [], cutBytes: [], closed: false, unfinishedBytes: 0 }, text);
  }
});

test('of an element beyond the bound only the head is delivered, and the next one is whole again', () => {
  const big = `{"a":"${'x'.repeat(5_000)}"}`;
  const bytes = Buffer.from(`[${big},{"b":2}]`);
  for (const pieces of [[bytes], cutAnywhere(bytes, 1, 100), cutAnywhere(bytes, 2, 1)]) {
    const seen = split(pieces);
    assert.deepEqual(seen.texts, [big.slice(0, ELEMENT_BYTES_MAX), '{"b":2}']);
    assert.deepEqual(seen.cutBytes, [big.length - ELEMENT_BYTES_MAX, 0]);
    assert.equal(seen.closed, true);
  }
});

test('an element within one chunk is delivered in place, one that straddles chunks as a copy', () => {
  const recorder = new Recorder();
  const splitter = new JsonArraySplitter(recorder, ELEMENT_BYTES_MAX);
  const first = Buffer.from('[{"a":1},{"b"');
  splitter.push(first);
  splitter.push(Buffer.from(':2}'));
  assert.equal(recorder.sources[0], first);
  assert.deepEqual(recorder.texts, ['{"a":1}', '{"b":2}']);
});

test('memory held is bounded by the largest element allowed, and a large buffer is given back', () => {
  const splitter = new JsonArraySplitter(new Recorder(), 10_000);
  assert.equal(splitter.heldBytes, 0);
  splitter.push(Buffer.from('[{"a":"'));
  for (let i = 0; i < 100; i++) {
    splitter.push(Buffer.alloc(1_000, 'x'));
    assert.ok(splitter.heldBytes <= 10_000, `${splitter.heldBytes}`);
  }
  assert.equal(splitter.unfinishedBytes, 100_006);
  splitter.push(Buffer.from('"}'));
  assert.equal(splitter.heldBytes, 0);
});

test('a splitter that is reset forgets the stream before', () => {
  const recorder = new Recorder();
  const splitter = new JsonArraySplitter(recorder, ELEMENT_BYTES_MAX);
  splitter.push(Buffer.from('[{"lost":"\\'));
  splitter.reset();
  assert.equal(splitter.unfinishedBytes, 0);
  splitter.push(Buffer.from('[{"a":1}]'));
  splitter.reset();
  assert.equal(splitter.closed, false);
  splitter.push(Buffer.from('{"b":2}'));
  assert.deepEqual(recorder.texts, ['{"a":1}', '{"b":2}']);
});

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 3 : 5));
  if (kind === 0) return Math.floor(random() * 1_000);
  if (kind <= 2)
    return Array.from({ length: random() * 50 }, () => '{}[]",\\é🚰 x\n:'[Math.floor(random() * 14)]).join('');
  const values = Array.from({ length: random() * 4 }, () => randomValue(random, depth + 1));
  return kind === 3 ? values : Object.fromEntries(values.map((value, index) => [`k"]${index}`, value]));
}

const SPACES = ['', '', '\n', '\r\n', ' \t'];

test('random arrays give back their elements, whatever the chunk borders', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seededRandom(seed);
    const space = (): string => SPACES[Math.floor(random() * SPACES.length)]!;
    const values = Array.from({ length: random() * 6 }, () => ({ v: randomValue(random, 0) }));
    const indent = random() < 0.5 ? 0 : 2;
    const texts = values.map((value) => Buffer.from(JSON.stringify(value, null, indent)).toString('latin1'));
    const bytes = Buffer.from(`${space()}[${space()}${texts.join(`${space()},${space()}`)}${space()}]`, 'latin1');
    for (const pieces of [[bytes], cutAnywhere(bytes, seed, 1), cutAnywhere(bytes, seed, 40)]) {
      assert.deepEqual(split(pieces, 100_000), finished(texts), `seed ${seed}`);
    }
  }
});

const NOISE = ['{', '}', '[', ']', '"', '\\', ',', ':', ' ', '\n', 'x', '\x00', '\xff', '\xef', 'true', '"a":'];

test('noise gives the same whatever the chunk borders, and never throws', () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = seededRandom(seed);
    let text = seed % 3 === 0 ? '' : '[';
    for (let i = 0; i < 60; i++) text += NOISE[Math.floor(random() * NOISE.length)];
    const bytes = Buffer.from(text, 'latin1');
    const whole = split([bytes]);
    assert.deepEqual(split(cutAnywhere(bytes, seed, 1)), whole, `seed ${seed}, single bytes`);
    assert.deepEqual(split(cutAnywhere(bytes, seed, 9)), whole, `seed ${seed}, random pieces`);
  }
});

test('chunks may be any Uint8Array and are not changed', () => {
  const bytes = new Uint8Array(Buffer.from('[{"a":1},{"b":2}]'));
  const before = Buffer.from(bytes);
  assert.deepEqual(
    split([bytes.subarray(0, 12), new Uint8Array(0), bytes.subarray(12)]),
    finished(['{"a":1}', '{"b":2}']),
  );
  assert.deepEqual(Buffer.from(bytes), before);
});

test('a comma is awaited behind an element of an array, and nowhere else', () => {
  const awaits = (text: string): boolean => {
    const splitter = new JsonArraySplitter(new Recorder(), ELEMENT_BYTES_MAX);
    for (const byte of Buffer.from(text)) splitter.push(Buffer.of(byte));
    return splitter.awaitsComma;
  };
  for (const text of ['[{}', '[{"a":","}\n', '[{},{"b":[1]} ']) assert.equal(awaits(text), true, text);
  for (const text of ['', '[', '[{},', '[{}\n,\r\n', '[{},{"b":', '[{}]', '{"error":1}']) {
    assert.equal(awaits(text), false, text);
  }
});

test('an element that the sink reads by itself is one too: a comma must come behind it', () => {
  const known = '{"known":1}';
  const sink: JsonElementSink = {
    knownElement: (_bytes, start, limit) => (start + known.length <= limit ? start + known.length : -1),
    element: () => assert.fail('it is not delivered'),
  };
  const awaits = (text: string): boolean => {
    const splitter = new JsonArraySplitter(sink, ELEMENT_BYTES_MAX);
    splitter.push(Buffer.from(text));
    return splitter.awaitsComma;
  };
  assert.deepEqual([`[${known}`, `[${known},${known}\n`, `[${known},`, `[${known}]`].map(awaits), [
    true,
    true,
    false,
    false,
  ]);
});
