import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderModelList } from '#wire/model-list.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

function page(query: string): unknown[] {
  const { data, has_more, first_id, last_id } = renderModelList('anthropic', NAMES, query);
  return [(data as { id: string }[]).map(({ id }) => id).join(''), has_more, first_id, last_id];
}

test('pages of the Anthropic list go forth and back', () => {
  assert.deepEqual(page(''), ['abcde', false, 'a', 'e']);
  assert.deepEqual(page('limit=2'), ['ab', true, 'a', 'b']);
  assert.deepEqual(page('limit=2&after_id=b'), ['cd', true, 'c', 'd']);
  assert.deepEqual(page('limit=2&after_id=d'), ['e', false, 'e', 'e']);
  assert.deepEqual(page('limit=2&before_id=d'), ['bc', true, 'b', 'c']);
  assert.deepEqual(page('after_id=e'), ['', false, null, null]);
});

test('a limit that makes no sense is the usual one', () => {
  for (const limit of ['0', '-1', 'x', '1.5']) assert.deepEqual(page(`limit=${limit}`)[0], 'abcde');
});

test("Gemini's pages are joined by their tokens", () => {
  const first = renderModelList('gemini', NAMES, 'pageSize=3') as {
    models: { name: string }[];
    nextPageToken?: string;
  };
  const second = renderModelList('gemini', NAMES, `pageSize=3&pageToken=${first.nextPageToken}`) as typeof first;
  const names = [...first.models, ...second.models].map(({ name }) => name);
  assert.deepEqual(
    names,
    NAMES.map((name) => `models/${name}`),
  );
  assert.equal(second.nextPageToken, undefined);
});
