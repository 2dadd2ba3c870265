import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyHead, type Head } from '#edge/head.ts';
import type { HttpRequest } from '#edge/uws.ts';

function headOf(headers: [name: string, value: string][], query = ''): Head {
  const request = {
    forEach: (each: (name: string, value: string) => void) => {
      for (const [name, value] of headers) each(name, value);
    },
    getMethod: () => 'post',
    getUrl: () => '/v1/messages',
    getQuery: () => query,
  };
  return copyHead(request as HttpRequest, (name) => name.startsWith('anthropic-'));
}

test('what later stages need is copied, only allowed headers travel on', () => {
  const head = headOf(
    [
      ['host', 'x'],
      ['authorization', 'Bearer  sk-1 '],
      ['content-length', '12'],
      ['anthropic-version', '2023-06-01'],
      ['cookie', 'a=b'],
    ],
    'beta=true',
  );
  assert.deepEqual([head.key, head.contentLength, head.chunked, head.query], ['sk-1', 12, false, 'beta=true']);
  assert.deepEqual([head.fault, head.forwarded], ['', ['anthropic-version', '2023-06-01']]);
});

test('x-api-key wins over a bearer token, wherever it stands', () => {
  const pairs: [string, string][] = [
    ['x-api-key', 'a'],
    ['authorization', 'Bearer b'],
  ];
  assert.deepEqual([headOf(pairs).key, headOf(pairs.reverse()).key], ['a', 'a']);
});

test('a range counts when it is named once and without a condition', () => {
  const range: [string, string] = ['range', 'bytes=0-1'];
  assert.equal(headOf([range]).range, 'bytes=0-1');
  assert.equal(headOf([range, range]).range, '');
  assert.equal(headOf([['if-range', '"x"'], range]).range, '');
});

test('a length or an encoding that two readers may take differently is a fault', () => {
  const faults: [string, string][][] = [
    [['content-length', '']],
    [['content-length', '+1']],
    [['content-length', '1, 1']],
    [['content-length', '9'.repeat(16)]],
    ['1', '1'].map((value): [string, string] => ['content-length', value]),
    [['transfer-encoding', '']],
    [['transfer-encoding', 'gzip, chunked']],
    [['transfer-encoding', 'xchunked']],
    ['chunked', 'chunked'].map((value): [string, string] => ['transfer-encoding', value]),
    ['a', 'b'].map((value): [string, string] => ['host', value]),
  ];
  for (const headers of faults) assert.notEqual(headOf(headers).fault, '', JSON.stringify(headers));
  for (const value of ['chunked', 'Chunked']) {
    const { fault, chunked } = headOf([['transfer-encoding', value]]);
    assert.deepEqual([fault, chunked], ['', true]);
  }
});

test('what cannot travel on as it came is a fault, in other headers it does not matter', () => {
  for (const value of ['\x7f', '\u00e9', '\ufffd', '漢', '\x01']) {
    assert.match(headOf([['anthropic-beta', value]]).fault, /^anthropic-beta /);
    assert.equal(headOf([['cookie', value]]).fault, '');
    assert.match(headOf([], `a=${value}`).fault, /^the query /);
  }
  assert.equal(headOf([['anthropic-beta', 'a\tb ~']], 'a=%C3%A9').fault, '');
});
