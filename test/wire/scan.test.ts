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

/** Texts that hostile or careless clients send; each is judged as the oracle judges it, whole and in slices of every small size. */
const EDGES: Record<string, string[]> = {
  numbers: [
    ...[
      '9'.repeat(5_000),
      `0.${'0'.repeat(5_000)}1`,
      `1e${'9'.repeat(400)}`,
      '1e-999999',
      '-0',
      '-0.0e-0',
      '0e0',
      '1E+0001',
    ],
    ...[
      '00',
      '-',
      '-01',
      '+1',
      '.5',
      '5.',
      '1e',
      '1e+',
      '1.e3',
      '0x10',
      '1_000',
      'Infinity',
      '-Infinity',
      'NaN',
      '1n',
      '١',
    ],
  ],
  strings: [
    ...[
      '"\\ud800"',
      '"\\udfff\\ud800"',
      '"\\ud83d\\ude00"',
      '"\\u0000"',
      '"\u2028\u2029"',
      '"\x7f"',
      '"\u0080"',
      '"\\/"',
    ],
    ...[
      '"\\u12"',
      '"\\u12G4"',
      '"\\U0041"',
      '"\\x41"',
      '"\\0"',
      '"\\\'"',
      '"\\',
      '"\\u',
      '"\t"',
      '"\n"',
      '"\0"',
      "'a'",
      '`a`',
    ],
  ],
  space: [
    ...[' \t\n\r'.repeat(2_000), `${' \t\n\r'.repeat(2_000)}1${' \t\n\r'.repeat(2_000)}`, '[\n\n\n]'],
    ...['\f1', '\v1', '\u00a01', '\u20281', '\u30001', '1\0', '[1,\ufeff2]'],
  ],
  marks: ['\ufeff1', '\ufeff\ufeff1', ' \ufeff1', '\ufeff', '\ufeff ', '1\ufeff'],
  structure: [
    ...[
      '',
      ' ',
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '[,]',
      '[1,]',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{,}',
      '{"a":1 "b":2}',
      '[1 2]',
      '{1:2}',
    ],
    ...['[]]', '{}{}', '[}', '{]', '[1]x', 'nul', 'nulll', 'True', 'tru\u0065', '//x', '/**/1', '[1]//', 'undefined'],
  ],
  keys: [
    '{"__proto__":{"model":"x","stream":true},"model":"m","messages":[]}',
    '{"model":"x","model":"m","messages":1,"messages":[],"stream":1,"stream":true,"max_tokens":"x","max_tokens":3}',
    '{"model":"m","messages":[],"metadata":{"user_id":"a","user_id":"b"},"metadata":{}}',
    '{"model":"m","messages":[{"content":"a","content":[{"text":"b","text":"c"}]}],"constructor":{},"toString":1}',
    '{"":1,"\\u006dodel":"m","messages":[],"mod\\u0065l":"n"}',
  ],
};

for (const [kind, list] of Object.entries(EDGES)) {
  test(`hostile ${kind} are judged as the oracle judges them, also as values of a request and in slices of any size`, () => {
    const random = seededRandom(SEED + 5);
    for (const text of list) {
      for (const body of [text, `[${text}]`, withMembers(`"max_tokens":${text}`), withMembers(`"system":${text}`)]) {
        const bytes = bytesOf(body);
        compareNamed(SEED, random, bytes);
        const expected = scan(bytes, DEPTH_MAX);
        for (const size of [1, 2, 3, 4, 5, 7, 8, 64]) {
          const scanner = new Scanner(bytes, DEPTH_MAX);
          let result = scanner.step(size);
          while (result === 'more') result = scanner.step(size);
          assert.deepEqual(result, expected, `slices of ${size}`);
        }
      }
    }
  });
}

test('bytes that are no UTF-8 are refused at their offset, also where nobody reads the text', () => {
  const random = seededRandom(SEED + 6);
  const faults = [
    '80',
    'bf',
    'c0af',
    'c080',
    'c1bf',
    'e080af',
    'e09fbf',
    'eda080',
    'edbfbf',
    'f08080af',
    'f4908080',
    'f5',
    'fe',
    'ff',
    'c3',
    'e282',
    'f09f98',
  ];
  for (const fault of faults) {
    for (const place of ['"?"', '{"model":"?"}', '{"x":["?"]}', '{"?":1}', '?', '[1,?]']) {
      const [before = '', after = ''] = place.split('?');
      const bytes = Buffer.concat([Buffer.from(before), Buffer.from(fault, 'hex'), Buffer.from(after)]);
      assert.equal(compareNamed(SEED, random, bytes), 'refused');
      assert.equal((scan(bytes, DEPTH_MAX) as ScanError).offset, before.length, `${fault} in ${place}`);
    }
  }
});

test('a request cut off at any byte is refused there', () => {
  const random = seededRandom(SEED + 7);
  const whole = bytesOf(
    withMembers('"stream":true,"max_tokens":10,"system":[{"text":"é😀\\u00e9\\n"}],"x":[1.5e3,null,{"a":false}]'),
  );
  for (let end = 0; end < whole.length; end++) {
    assert.equal(compareNamed(SEED, random, whole.subarray(0, end)), 'refused', `${end} bytes`);
  }
});

test('nesting is taken up to its bound and refused at the bracket beyond it, however deep it goes on', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"a":', '}]'],
  ] as const) {
    const levels = open === '[{"a":' ? 2 : 1;
    for (const depth of [1, DEPTH_MAX, DEPTH_MAX + levels, 10_000]) {
      const body = bytesOf(`${open.repeat(depth / levels)}1${close.repeat(depth / levels)}`);
      const result = scan(body, DEPTH_MAX);
      assert.equal(isScanError(result) && result.reason, depth > DEPTH_MAX && `nested deeper than ${DEPTH_MAX} levels`);
      JSON.parse(body.toString());
    }
  }
  const flood = Buffer.alloc(8_000_000, '[');
  assert.deepEqual(scan(flood, DEPTH_MAX), { offset: DEPTH_MAX, reason: `nested deeper than ${DEPTH_MAX} levels` });
});
