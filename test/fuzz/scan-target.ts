/** The scan of request bodies against the engine's own decoder and parser, whole and in slices. */
import { randomRequest } from '../support/request-generator.ts';
import { compareScan } from '../support/scan-comparison.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { seedOf, type Target, texts } from './target.ts';

const random = seededRandom(20_260_301);

export const scanTarget: Target = {
  name: 'scan',
  check: (bytes) => void compareScan(seededRandom(seedOf(bytes)), bytes),
  seeds: [
    ...Array.from({ length: 20 }, () => Buffer.from(randomRequest(random))),
    ...texts(
      '{}',
      '[]',
      '""',
      '0',
      '-1.5e+3',
      'null',
      '\xef\xbb\xbf{"model":"m","messages":[]}',
      `${'['.repeat(64)}${']'.repeat(64)}`,
    ),
  ],
  words: texts(
    ...[
      '"model":"m"',
      '"messages":[',
      '"stream":true',
      '"max_tokens":1',
      '"system":',
      '"tools":[{',
      '"metadata":{"user_id":"',
    ],
    ...['"text":"', '"content":[', '"cache_control":{', '"__proto__":{', '"mod\\u0065l":', '"\\u0074ext":"x"'],
    ...['\\u0000', '\\ud83d\\ude00', '\\ud800', '\\udc00', '\\"', '\\\\', '\\/', '\\x', '\\u12', '\0', '\x1f', '\x7f'],
    ...[
      '\xef\xbb\xbf',
      '\xc3\xa9',
      '\xe2\x82\xac',
      '\xf0\x9f\x98\x80',
      '\xc0\x80',
      '\xed\xa0\x80',
      '\xf4\x90\x80\x80',
      '\xff',
    ],
    ...[
      '1e400',
      '-0',
      '0.0',
      '1E+2',
      '01',
      '.5',
      '1.',
      '9007199254740993',
      '123456789'.repeat(8),
      'true',
      'false',
      'null',
    ],
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      ' ',
      '\n\t\r ',
      '        ',
      '[[[[[[[[[[[[[[[[',
      ']]]]]]]]',
      'aaaaaaaaaaaaaaaa',
    ],
  ),
  sources: /\/src\/wire\/(scan|json-walker|fact-|section|span-list)/,
};
