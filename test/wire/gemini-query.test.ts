import assert from 'node:assert/strict';
import { test } from 'node:test';
import { geminiQueryFault } from '#wire/gemini-query.ts';

test('what clients ask with is served', () => {
  for (const query of [
    '',
    'alt=sse',
    'alt=json',
    'key=abc',
    'alt=sse&key=abc',
    'key=abc&&prettyPrint=false',
    'api_key=a',
  ]) {
    assert.equal(geminiQueryFault(query), '', query);
  }
});

test('what gives an answer a form without a usage that can be read is refused by its name', () => {
  for (const query of [
    'fields=candidates(content)',
    '$fields=candidates',
    'callback=f',
    '$alt=json',
    'access_token=a',
  ]) {
    assert.match(geminiQueryFault(`alt=sse&${query}`), /: not a query parameter of this path\.$/);
    assert.ok(geminiQueryFault(query).startsWith(query.split('=')[0]!), query);
  }
  for (const query of ['alt=proto', 'alt=', 'alt', 'alt=SSE', 'alt=media', 'alt=%73se']) {
    assert.equal(geminiQueryFault(query), 'alt: expected sse or json.', query);
  }
});

test('a name cannot hide behind escapes or behind another value', () => {
  assert.notEqual(geminiQueryFault('%66ields=candidates'), '');
  assert.notEqual(geminiQueryFault('alt=sse&%61lt=proto'), '');
  assert.equal(geminiQueryFault('alt=json&alt=sse'), 'alt: expected once.');
});
