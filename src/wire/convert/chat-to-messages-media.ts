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
import { asObject, asString } from './json.ts';
import type { RequestNotes } from './request-notes.ts';

const PART_FIELDS: ReadonlySet<string> = new Set(['type', 'image_url', 'file']);
const IMAGE_FIELDS: ReadonlySet<string> = new Set(['url']);
const FILE_FIELDS: ReadonlySet<string> = new Set(['file_data', 'file_id', 'filename']);
const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
/** data:TYPE;parameter=value;base64, — only the head is matched, the data may be megabytes. */
const DATA_HEAD = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w-]+=[^;,]{1,64}){0,4};base64,/i;
const DATA_HEAD_CHARS_MAX = 512;

interface Data {
  readonly mediaType: string;
  readonly base64: string;
}

function dataOf(url: string): Data | null {
  const head = DATA_HEAD.exec(url.slice(0, DATA_HEAD_CHARS_MAX));
  return head === null ? null : { mediaType: head[1]!.toLowerCase(), base64: url.slice(head[0].length) };
}

export function toImage(part: JsonObject, path: string, notes: RequestNotes): JsonObject {
  const image = asObject(part['image_url']);
  const url = asString(image?.['url']) ?? asString(part['image_url']) ?? '';
  notes.dropOthers(part, PART_FIELDS, 'messages.*.content.*.');
  if (image !== null) notes.dropOthers(image, IMAGE_FIELDS, 'messages.*.content.*.image_url.');
  if (/^https?:\/\//i.test(url)) return { type: 'image', source: { type: 'url', url } };
  const data = dataOf(url);
  if (data === null || !IMAGE_TYPES.has(data.mediaType)) {
    notes.refuse(
      `${path}.image_url`,
      'the Messages protocol takes JPEG, PNG, GIF and WebP as base64, or an http(s) URL',
    );
    return {};
  }
  return { type: 'image', source: { type: 'base64', media_type: data.mediaType, data: data.base64 } };
}

export function toDocument(part: JsonObject, path: string, notes: RequestNotes): JsonObject {
  const file = asObject(part['file']);
  const data = dataOf(asString(file?.['file_data']) ?? '');
  const title = asString(file?.['filename']);
  notes.dropOthers(part, PART_FIELDS, 'messages.*.content.*.');
  if (file !== null) notes.dropOthers(file, FILE_FIELDS, 'messages.*.content.*.file.');
  const source = data === null ? null : documentSource(data);
  if (source === null) {
    notes.refuse(`${path}.file`, 'the Messages protocol takes PDF and text, inside the request, as a data URL');
    return {};
  }
  return title === null ? { type: 'document', source } : { type: 'document', source, title };
}

function documentSource({ mediaType, base64 }: Data): JsonObject | null {
  if (mediaType === 'application/pdf') return { type: 'base64', media_type: mediaType, data: base64 };
  if (!mediaType.startsWith('text/')) return null;
  return { type: 'text', media_type: 'text/plain', data: Buffer.from(base64, 'base64').toString('utf8') };
}
