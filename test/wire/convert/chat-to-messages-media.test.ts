import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toDocument, toImage } from '#wire/convert/chat-to-messages-media.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { RequestLosses } from '#wire/convert/request-losses.ts';

function image(image_url: unknown): [block: JsonObject, losses: RequestLosses] {
  const losses = new RequestLosses();
  return [toImage({ type: 'image_url', image_url }, 'p', losses), losses];
}

function file(fields: unknown): [block: JsonObject, losses: RequestLosses] {
  const losses = new RequestLosses();
  return [toDocument({ type: 'file', file: fields }, 'p', losses), losses];
}

test('images cross as base64 and by URL; how closely to look is left out by name', () => {
  const [png, losses] = image({ url: 'data:image/PNG;base64,AAAA', detail: 'high' });
  assert.deepEqual(png, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } });
  assert.deepEqual(losses.dropped, ['messages.content.image_url.detail']);
  const [linked] = image({ url: 'https://x/y.png' });
  assert.deepEqual(linked, { type: 'image', source: { type: 'url', url: 'https://x/y.png' } });
});

test('PDF and text cross as documents, titled by their name', () => {
  assert.deepEqual(file({ filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' })[0], {
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' },
    title: 'a.pdf',
  });
  assert.deepEqual(file({ file_data: 'data:text/csv;charset=utf-8;base64,w7w=' })[0], {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: 'ü' },
  });
});

test('other images and files are refused at their path', () => {
  for (const url of ['data:image/svg+xml;base64,AAAA', 'data:image/png,AAAA', 'ftp://x/y', 'AAAA', '', 7, null])
    assert.equal(image({ url })[1].unsupported?.path, 'p.image_url');
  assert.equal(image(null)[1].unsupported?.path, 'p.image_url');
  for (const fields of [
    { file_id: 'f' },
    { file_data: 'AAAA' },
    { file_data: 'data:audio/wav;base64,AA' },
    {},
    null,
    7,
  ])
    assert.equal(file(fields)[1].unsupported?.path, 'p.file');
});
