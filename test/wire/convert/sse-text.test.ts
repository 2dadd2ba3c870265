import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataEvent, namedEvent } from '#wire/convert/sse-text.ts';

test('an event is one line of data, whatever its text has in it', () => {
  assert.equal(namedEvent('error', { a: 'x\n\ny\r' }), 'event: error\ndata: {"a":"x\\n\\ny\\r"}\n\n');
  assert.equal(dataEvent({ a: 'x\n\ny' }), 'data: {"a":"x\\n\\ny"}\n\n');
});
