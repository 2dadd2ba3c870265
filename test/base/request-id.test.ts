import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactRequestId, makeRequestId } from '#base/request-id.ts';

test('a request id is a UUID version 7 whose time is its createdAtMs', () => {
  const before = Date.now();
  const id = makeRequestId();
  assert.match(id.text, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(Number.parseInt(id.text.slice(0, 8) + id.text.slice(9, 13), 16), id.createdAtMs);
  assert.ok(id.createdAtMs >= before && id.createdAtMs <= Date.now());
  assert.equal(compactRequestId(id.text), id.text.replaceAll('-', ''));
});

test('ten thousand ids are all different', () => {
  assert.equal(new Set(Array.from({ length: 10_000 }, () => makeRequestId().text)).size, 10_000);
});
