import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataUrl, parseDataUrl } from '#wire/convert/data-url.ts';

test('a data URL of base64 is read with its media type, and written as it was', () => {
  const url = dataUrl('image/png', 'aGk=');
  assert.equal(url, 'data:image/png;base64,aGk=');
  assert.deepEqual(parseDataUrl(url), { mediaType: 'image/png', base64: 'aGk=' });
});

test('parameters and case do not matter', () => {
  const read = parseDataUrl('DATA:Text/Plain;charset=utf-8;BASE64,aGk=');
  assert.deepEqual(read, { mediaType: 'text/plain', base64: 'aGk=' });
});

test('what is no data URL of base64 is none', () => {
  for (const url of [
    '',
    'https://a/b.png',
    'data:',
    'data:text/plain,hi',
    'data:image/png;base64',
    'x'.repeat(1_000),
  ]) {
    assert.equal(parseDataUrl(url), null, url.slice(0, 40));
  }
});
