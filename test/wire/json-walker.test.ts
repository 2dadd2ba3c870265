import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isScanError } from '#wire/facts.ts';
import { scan } from '#wire/scan.ts';
import { bytesOf, DEPTH_MAX, errorOf, factsOf, withMembers } from './scan-results.ts';

test('a fault is reported with the offset of the first bad byte', () => {
  const cases: [body: string | Uint8Array, offset: number, reason: RegExp][] = [
    ['', 0, /ends too early/],
    ['  ', 2, /ends too early/],
    ['{"a":1', 6, /ends too early/],
    ['{"a', 3, /ends too early/],
    ['{"a":tru', 8, /ends too early/],
    ['"\\u12', 5, /ends too early/],
    ['"\\', 2, /ends too early/],
    ['-', 1, /ends too early/],
    ['1e', 2, /ends too early/],
    ['{} x', 3, /nothing after/],
    ['{}{}', 2, /nothing after/],
    ['{"a":1,}', 7, /property name/],
    ['{,}', 1, /property name or '}'/],
    ['{"a" 1}', 5, /':'/],
    ['{"a":}', 5, /a value/],
    ['[1,]', 3, /a value/],
    ['[1 2]', 3, /','/],
    ['[1}', 2, /','/],
    ['{"a":1]', 6, /','/],
    [']', 0, /a value/],
    ['[truE]', 4, /a value/],
    ['[nul]', 4, /a value/],
    ['[01]', 2, /','/],
    ['[-a]', 2, /number/],
    ['[1.]', 3, /number/],
    ['[1e+]', 4, /number/],
    ['[+1]', 1, /a value/],
    ['[.5]', 1, /a value/],
    ['["a\nb"]', 3, /control character/],
    ['["\\x"]', 3, /escape/],
    ['["\\u12G4"]', 6, /escape/],
    ['[\u00a0]', 1, /a value/],
    ["{'a':1}", 1, /property name/],
    ['[\x00]', 1, /a value/],
    [Buffer.from([0x22, 0x61, 0xff, 0x22]), 2, /UTF-8/],
    [Buffer.from([0x22, 0x61, 0xe2, 0x82, 0x22]), 2, /UTF-8/],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 1, /UTF-8/],
    [Buffer.from([0x5b, 0x78, 0x22, 0xff]), 1, /a value/],
    [Buffer.from([0x22, 0x61, 0xf0, 0x9f]), 2, /UTF-8/],
  ];
  for (const [body, offset, reason] of cases) {
    const error = errorOf(body);
    assert.equal(error.offset, offset, `${JSON.stringify(String(body))}: ${error.reason}`);
    assert.match(error.reason, reason);
  }
});

test('legal but rare JSON is accepted', () => {
  const rare = [
    ' \t\r\n{ } \n',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\u2028\x7f"',
    '-0.0E-0',
    '\ufeff{}',
    '{"":{"":[]}}',
    '[[],{}]',
  ];
  for (const body of rare) assert.ok(!isScanError(scan(bytesOf(body), DEPTH_MAX)), JSON.stringify(body));
});

test('a byte order mark is left out, but only one, and offsets count it', () => {
  assert.equal(factsOf(`\ufeff${withMembers('')}`).modelStart, 3 + withMembers('').indexOf('"m"'));
  assert.equal(errorOf('\ufeff\ufeff{}').offset, 3);
  assert.equal(errorOf('\ufeff').offset, 3);
});

test('nesting is refused beyond its bound, at the bracket that goes beyond', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.ok(!isScanError(scan(bytesOf(nested(DEPTH_MAX)), DEPTH_MAX)));
  assert.deepEqual(errorOf(nested(DEPTH_MAX + 1)), {
    offset: DEPTH_MAX,
    reason: `nested deeper than ${DEPTH_MAX} levels`,
  });
  const deep = scan(bytesOf(nested(1_000_000)), 256);
  assert.ok(isScanError(deep) && deep.offset === 256);
});
