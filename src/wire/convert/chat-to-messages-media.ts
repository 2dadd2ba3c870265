/**
 * Images and files of Chat messages as Messages blocks. Pure.
 *
 *   image_url: { url: "data:image/...;base64,..." }             image, source base64: jpeg, png, gif, webp
 *              { url: "https://..." }                           image, source url
 *   file: { file_data: "data:application/pdf;base64,...",       document, source base64, titled by the name
 *           filename }
 *         { file_data: "data:text/...;base64,..." }             document, source text
 *
 * Left out by name: `detail`. Refused: other kinds, other schemes, files by id.
 */
import { Buffer } from 'node:buffer';
import type { JsonObject } from './crossing.ts';
import { type DataUrl, parseDataUrl } from './data-url.ts';
import { asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const PART_FIELDS: ReadonlySet<string> = new Set(['type', 'image_url', 'file']);
const IMAGE_FIELDS: ReadonlySet<string> = new Set(['url']);
const FILE_FIELDS: ReadonlySet<string> = new Set(['file_data', 'file_id', 'filename']);
const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
export function toImage(part: JsonObject, path: string, losses: RequestLosses): JsonObject {
  const image = asObject(part['image_url']);
  const url = asString(image?.['url']) ?? asString(part['image_url']) ?? '';
  losses.dropOthers(part, PART_FIELDS, 'messages.content.');
  if (image !== null) losses.dropOthers(image, IMAGE_FIELDS, 'messages.content.image_url.');
  if (/^https?:\/\//i.test(url)) return { type: 'image', source: { type: 'url', url } };
  const data = parseDataUrl(url);
  if (data === null || !IMAGE_TYPES.has(data.mediaType)) {
    losses.refuse(
      `${path}.image_url`,
      'the Messages protocol takes JPEG, PNG, GIF and WebP as base64, or an http(s) URL',
    );
    return {};
  }
  return { type: 'image', source: { type: 'base64', media_type: data.mediaType, data: data.base64 } };
}

export function toDocument(part: JsonObject, path: string, losses: RequestLosses): JsonObject {
  const file = asObject(part['file']);
  const data = parseDataUrl(asString(file?.['file_data']) ?? '');
  const title = asString(file?.['filename']);
  losses.dropOthers(part, PART_FIELDS, 'messages.content.');
  if (file !== null) losses.dropOthers(file, FILE_FIELDS, 'messages.content.file.');
  const source = data === null ? null : documentSource(data);
  if (source === null) {
    losses.refuse(`${path}.file`, 'the Messages protocol takes PDF and text, inside the request, as a data URL');
    return {};
  }
  return title === null ? { type: 'document', source } : { type: 'document', source, title };
}

function documentSource({ mediaType, base64 }: DataUrl): JsonObject | null {
  if (mediaType === 'application/pdf') return { type: 'base64', media_type: mediaType, data: base64 };
  if (!mediaType.startsWith('text/')) return null;
  return { type: 'text', media_type: 'text/plain', data: Buffer.from(base64, 'base64').toString('utf8') };
}
