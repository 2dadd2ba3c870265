import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonFields } from '#wire/json-fields.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { seededRandom } from '../support/seeded-random.ts';

const NAMES = ['usage', 'model'] as const;
const VALUE_BYTES_MAX = 1_000;

interface Read {
  fields: (readonly [name: string, value: unknown])[];
  complete: boolean;
}

function read(pieces: readonly Uint8Array[]): Read {
  const fields: Read['fields'] = [];
  const reader = new JsonFields(NAMES, VALUE_BYTES_MAX, {
    field(index, bytes, start, end) {
      const text = bytes.toString('utf8', start, end);
      fields.push([NAMES[index] ?? '', text]);
    },
  });
  for (const piece of pieces) reader.push(piece);
  return { fields, complete: reader.complete };
}

function readText(text: string): Read {
  return read([Buffer.from(text)]);
}

test('named fields are found at the top level only, whatever stands before them', () => {
  const text = '{"a":{"usage":1,"b":["model",{"model":"x"}]},"s":"\\"usage\\":2","usage":{"in":[3]} , "model" : "m"}';
  assert.deepEqual(readText(text), {
    fields: [
      ['usage', '{"in":[3]} '],
      ['model', ' "m"'],
    ],
    complete: true,
  });
});

test('a document is complete only when its object is closed and nothing follows', () => {
  for (const text of ['{}', ' {"a":1}\n', '\ufeff{}', '{"a":"}"}']) assert.equal(readText(text).complete, true, text);
  for (const text of ['', '{', '{"a":"}', '{"a":[}', '{} x', '{}{}', '[]', '"{}"', '<html>{}', 'null']) {
    assert.equal(readText(text).complete, false, text);
  }
});

test('a value beyond the bound is lost and the fields after it are not', () => {
  const text = `{"usage":"${'x'.repeat(VALUE_BYTES_MAX)}","model":"m"}`;
  const expected = { fields: [['model', '"m"']], complete: true };
  assert.deepEqual(readText(text), expected);
  assert.deepEqual(read(cutAnywhere(Buffer.from(text), 1, 64)), expected);
});

test('long strings with escapes are skipped exactly', () => {
  for (let backslashes = 0; backslashes < 40; backslashes++) {
    const hidden = `${'y'.repeat(20)}${'\\'.repeat(backslashes)}"${',"usage":1,'.repeat(3)}${'z'.repeat(30)}`;
    const text = JSON.stringify({ hidden, model: 'm' });
    const expected = { fields: [['model', '"m"']], complete: true };
    assert.deepEqual(readText(text), expected);
    for (let cut = 1; cut < text.length; cut++) {
      assert.deepEqual(read([Buffer.from(text.slice(0, cut)), Buffer.from(text.slice(cut))]), expected);
    }
  }
});

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 4 : 6));
  if (kind === 0) return Math.floor(random() * 1e6);
  if (kind === 1) return random() < 0.5 ? null : true;
  if (kind <= 3)
    return ['usage', 'é🚰"\\', '\\"model\\":', 'x'.repeat(Math.floor(random() * 60))][Math.floor(random() * 4)];
  const items = Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, depth + 1));
  if (kind === 4) return items;
  return Object.fromEntries(items.map((item, i) => [['usage', 'model', 'k"ey', 'other'][i], item]));
}

test('random documents give the fields that JSON.parse gives, whatever the chunk borders', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seededRandom(seed);
    const document = { a: randomValue(random, 0), model: randomValue(random, 0), usage: randomValue(random, 0), z: 1 };
    const bytes = Buffer.from(JSON.stringify(document, null, random() < 0.5 ? 2 : 0));
    const whole = read([bytes]);
    assert.equal(whole.complete, true);
    const values = whole.fields.map(([name, text]) => [name, JSON.parse(String(text))]);
    assert.deepEqual(values, [
      ['model', document.model],
      ['usage', document.usage],
    ]);
    assert.deepEqual(read(cutAnywhere(bytes, seed, 1)), whole, `seed ${seed}`);
    assert.deepEqual(read(cutAnywhere(bytes, seed, 13)), whole, `seed ${seed}`);
  }
});
