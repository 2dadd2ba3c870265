import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonFields } from '#wire/json-fields.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';

const KEYS = { fields: ['content', 'more'], texts: ['text', 'a_rather_long_text_key'], values: ['input'] };

function counted(pieces: readonly Uint8Array[]): number {
  const reader = new JsonFields(['usage'], 1_000, { field() {} }, KEYS);
  for (const piece of pieces) reader.push(piece);
  return reader.textBytes;
}

const countedOf = (text: string): number => counted([Buffer.from(text)]);

test('only texts count: not their keys, not other strings, not what stands beside the fields', () => {
  for (const [text, bytes] of [
    ['{"content":[{"type":"text","text":"hello"}],"text":"outside","other":{"text":"outside"}}', 5],
    ['{"content":[{"text":"a\\"b\\\\"},{"x":{"text":"\\u00e9"}}],"more":{"text":"水"}}', 6 + 6 + 3],
    ['{"content":[{"text":["no"],"text":null,"text":7,"text":{"x":"no"},"name":"text","y":"no"}]}', 0],
    ['{"content":[{"a_rather_long_text_key":"yes","a_rather_long_text_key_":"no"}]}', 3],
    ['{"content":"a plain string","more":null,"usage":{"text":"no"}}', 0],
    ['{"content":[{"name":"f","input":{"text":"x","b":[1,true]}}]}', '{"text":"x","b":[1,true]}'.length],
    ['{"content":[{"input":"as text","then":"no"}]}', 7],
    ['{"content":[{"input":{\n  "a": [ ]\n},"then":"no"},{"text":"z"}]}', '{"a":[]}'.length + 1],
    ['[{"content":[{"text":"not an object"}]}]', 0],
  ] as const) {
    assert.equal(countedOf(text), bytes, text);
  }
});

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 4 ? 3 : 6));
  if (kind === 0) return [7, null, true, -1.5][Math.floor(random() * 4)];
  if (kind <= 2)
    return ['text', 'é🚰"\\', '{"text":"', 'x'.repeat(Math.floor(random() * 70)), ''][Math.floor(random() * 5)];
  const items = Array.from({ length: Math.floor(random() * 5) }, () => randomValue(random, depth + 1));
  if (kind === 3) return items;
  return Object.fromEntries(items.map((item, i) => [['text', 'input', 'k"ey', 'content', 'n'][i], item]));
}

/** The same by a parsed document; of values numbers and words do not count when they stand alone. */
function textBytes(value: unknown, key = ''): number {
  if (typeof value === 'string')
    return ['text', 'input'].includes(key) ? Buffer.byteLength(JSON.stringify(value)) - 2 : 0;
  if (typeof value !== 'object' || value === null) return 0;
  if (key === 'input') return Buffer.byteLength(JSON.stringify(value));
  const entries = Object.entries(value).map(([name, item]) => textBytes(item, Array.isArray(value) ? '' : name));
  return entries.reduce((sum, bytes) => sum + bytes, 0);
}

test('random documents count what a parsed document says, whatever the chunk borders', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seededRandom(seed);
    const document = { text: 'no', content: [randomValue(random, 0)], usage: {}, more: { n: randomValue(random, 0) } };
    const expected = textBytes(document.content) + textBytes(document.more);
    const bytes = Buffer.from(JSON.stringify(document));
    for (const pieces of [[bytes], cutAnywhere(bytes, seed, 1), cutAnywhere(bytes, seed, 13)]) {
      assert.equal(counted(pieces), expected, `seed ${seed}`);
    }
  }
});

test('a malformed answer counts the same whatever was read before it: the last key of another document is forgotten', () => {
  const malformed = Buffer.from('{"content":[x: "abc"]}');
  const reader = new JsonFields(['usage'], 1_000, { field() {} }, KEYS);
  for (const before of ['{"content":[{"text":"a"}]}', '{"content":[{"text"', '{"content":[{"input":{}}]}']) {
    reader.reset();
    reader.push(Buffer.from(before));
    reader.reset();
    reader.push(malformed);
    assert.equal(reader.textBytes, counted([malformed]), before);
  }
});
