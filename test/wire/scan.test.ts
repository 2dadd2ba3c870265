import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isScanError, type ScanError } from '#wire/facts.ts';
import { Scanner, scan } from '#wire/scan.ts';
import { below, damage, type Random, randomRequest } from '../support/request-generator.ts';
import { compareScan, DEPTH_MAX } from '../support/scan-comparison.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { bytesOf, factsOf, withMembers } from './scan-results.ts';

const SEED = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 1_000_000_007);

/** Names the seed and the bytes when a comparison fails. */
function compareNamed(seed: number, random: Random, bytes: Buffer): 'accepted' | 'refused' {
  try {
    return compareScan(random, bytes);
  } catch (error) {
    const shown = JSON.stringify(bytes.toString('latin1'));
    throw new Error(`PENSTOCK_SEED=${seed}, bytes ${shown}: ${(error as Error).message}`, { cause: error });
  }
}

test('the scan takes every valid request as its oracle does and finds the same facts', () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 1_500; round++) {
    assert.equal(compareNamed(SEED, random, Buffer.from(randomRequest(random))), 'accepted');
  }
});

test('the scan refuses exactly those damaged requests that its oracle refuses', () => {
  const random = seededRandom(SEED + 1);
  const seen = { accepted: 0, refused: 0 };
  for (let round = 0; round < 800; round++) {
    const whole = Buffer.from(randomRequest(random));
    for (let copy = 0; copy < 8; copy++) {
      let bytes: Buffer = whole;
      for (let hits = 1 + below(random, 2); hits > 0; hits--) bytes = damage(random, bytes);
      seen[compareNamed(SEED, random, bytes)]++;
    }
  }
  assert.ok(seen.accepted > 300 && seen.refused > 2_000, JSON.stringify(seen));
});

test('short texts over the bytes of the grammar are judged as the oracle judges them', () => {
  const random = seededRandom(SEED + 2);
  const alphabet = [
    '0',
    '1',
    '-',
    '.',
    'e',
    '+',
    '"',
    '\\',
    'u',
    'n',
    '[',
    ']',
    '{',
    '}',
    ':',
    ',',
    ' ',
    'true',
    'null',
    '\ufeff',
    'é',
  ];
  for (let round = 0; round < 12_000; round++) {
    let text = '';
    for (let count = 1 + below(random, 7); count > 0; count--) text += alphabet[below(random, alphabet.length)];
    compareNamed(SEED, random, Buffer.from(text));
  }
});

test('every byte in every kind of place is judged as the oracle judges it', () => {
  const random = seededRandom(SEED + 4);
  const places = [
    '"\\?"',
    '"\\u00?0"',
    '"?"',
    '"1234567?"',
    '?[]',
    '[]?',
    '[?]',
    '[1?]',
    '[1?2]',
    '[-?]',
    '[1.?]',
    '[1e?]',
    '{?}',
    '{"a"?1}',
  ];
  for (const place of places) {
    const [before = '', after = ''] = place.split('?');
    for (let byte = 0; byte < 256; byte++) {
      compareNamed(SEED, random, Buffer.concat([Buffer.from(before), Buffer.of(byte), Buffer.from(after)]));
    }
  }
});

test('sequences of one to four arbitrary bytes in a string are UTF-8 to the scan when they are to the oracle', () => {
  const random = seededRandom(SEED + 3);
  const edges = [
    0x22, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0,
    0xf1, 0xf4, 0xf5, 0xff,
  ];
  for (let round = 0; round < 6_000; round++) {
    const bytes = [0x22, ...Array.from({ length: below(random, 9) }, () => 0x61)];
    for (let count = 1 + below(random, 4); count > 0; count--) bytes.push(edges[below(random, edges.length)]!);
    compareNamed(SEED, random, Buffer.from([...bytes, 0x22]));
  }
});

test('slices of every size give the same answer as one go', () => {
  const message = '{"content":[{"text":"a\\u00e9漢😀\\n","cache_control":{}},{"content":"xyz"}]}';
  const whole = `{"max_tokens":1024.0e0,"stream":true, "model":"m\\u0041","messages":[${message},true],"metadata":{"user_id":"u"}}`;
  const cut = Buffer.concat([bytesOf(whole.slice(0, 90)), Buffer.of(0xf0, 0x9f, 0x98)]);
  for (const body of [bytesOf(whole), cut, bytesOf(`${whole}x`), bytesOf('12345.678e9'), bytesOf('\ufeff[1,2]')]) {
    const expected = scan(body, DEPTH_MAX);
    for (let size = 1; size <= body.length; size++) {
      const scanner = new Scanner(body, DEPTH_MAX);
      let result = scanner.step(size);
      while (result === 'more') result = scanner.step(size);
      assert.deepEqual(result, expected, `slices of ${size}`);
      if (!isScanError(result)) assert.equal(scanner.scannedBytes, body.length);
    }
  }
});

test('a step reads no more than its bytes, whether they are one string, space, digits or brackets', () => {
  const size = 300_000;
  const pieces = [
    '"'.concat('A'.repeat(size), '"'),
    ' '.repeat(size).concat('1'),
    '1'.repeat(size),
    '[],'.repeat(size / 3).concat('1'),
  ];
  for (const piece of pieces) {
    const body = bytesOf(withMembers(`"x":[${piece}]`));
    const scanner = new Scanner(body, DEPTH_MAX);
    let steps = 1;
    for (let before = 0; scanner.step(10_000) === 'more'; steps++) {
      assert.ok(scanner.scannedBytes - before <= 10_000 + 8);
      before = scanner.scannedBytes;
    }
    assert.ok(steps >= size / 10_000);
    assert.equal(scanner.scannedBytes, body.length);
  }
});

test('a scanner starts afresh with another body', () => {
  const scanner = new Scanner(bytesOf(withMembers('"stream":true,"tools":[1,2],"system":"s"')), DEPTH_MAX);
  const first = scanner.finish();
  assert.ok(!isScanError(first) && first.stream && first.toolsCount === 2);
  scanner.reset(bytesOf('[['), DEPTH_MAX);
  assert.ok(isScanError(scanner.finish() as ScanError));
  scanner.reset(bytesOf(withMembers('')), DEPTH_MAX);
  assert.deepEqual(scanner.finish(), factsOf(withMembers('')));
});
