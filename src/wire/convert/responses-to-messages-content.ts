/**
 * The content of Responses items as blocks of Messages. Pure.
 *
 *   input_text, output_text, refusal          → text
 *   input_image { image_url }                 → image, base64 of a data: URL or the URL itself
 *   input_file { file_data | file_url }       → document: PDF or plain text in base64, or a URL
 *
 * Files by id are another provider's: refused. Empty texts are left out, which Messages does not take.
 */
import type { JsonObject } from './crossing.ts';
import { parseDataUrl } from './data-url.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const PDF = 'application/pdf';

export function contentBlocks(content: unknown, path: string, losses: RequestLosses): JsonObject[] {
  const text = asString(content);
  if (text !== null) return text === '' ? [] : [{ type: 'text', text }];
  const parts = asArray(content);
  if (parts === null) {
    losses.refuse(path, 'content is neither text nor a list of parts');
    return [];
  }
  const blocks: JsonObject[] = [];
  for (let i = 0; i < parts.length; i++) {
    const block = contentBlock(asObject(parts[i]), `${path}.${i}`, losses);
    if (block !== null) blocks.push(block);
  }
  return blocks;
}

function contentBlock(part: JsonObject | null, path: string, losses: RequestLosses): JsonObject | null {
  switch (part?.['type']) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return textBlock(asString(part['text']), path, losses);
    case 'refusal':
      return textBlock(asString(part['refusal']), path, losses);
    case 'input_image':
      return imageBlock(part, path, losses);
    case 'input_file':
      return documentBlock(part, path, losses);
    default:
      losses.refuse(path, `content of type ${asString(part?.['type']) ?? 'none'} has no counterpart in Messages`);
      return null;
  }
}

function textBlock(text: string | null, path: string, losses: RequestLosses): JsonObject | null {
  if (text === null) losses.refuse(path, 'a text without text');
  return text === null || text === '' ? null : { type: 'text', text };
}

function imageBlock(part: JsonObject, path: string, losses: RequestLosses): JsonObject | null {
  const url = asString(part['image_url']);
  if (url === null) {
    losses.refuse(path, 'images by file id belong to another provider');
    return null;
  }
  const detail = asString(part['detail']);
  if (detail !== null && detail !== 'auto') losses.drop('input.image.detail');
  const data = parseDataUrl(url);
  if (data === null) return { type: 'image', source: { type: 'url', url } };
  return { type: 'image', source: { type: 'base64', media_type: data.mediaType, data: data.base64 } };
}

function documentBlock(part: JsonObject, path: string, losses: RequestLosses): JsonObject | null {
  const source = documentSource(part, path, losses);
  if (source === null) return null;
  const title = asString(part['filename']);
  return title === null ? { type: 'document', source } : { type: 'document', source, title };
}

function documentSource(part: JsonObject, path: string, losses: RequestLosses): JsonObject | null {
  const url = asString(part['file_url']);
  if (url !== null) return { type: 'url', url };
  const given = asString(part['file_data']);
  if (given === null) {
    losses.refuse(path, 'files by id belong to another provider');
    return null;
  }
  const data = parseDataUrl(given) ?? { mediaType: PDF, base64: given };
  if (data.mediaType === PDF) return { type: 'base64', media_type: PDF, data: data.base64 };
  if (data.mediaType.startsWith('text/')) {
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(data.base64, 'base64').toString('utf8') };
  }
  losses.refuse(`${path}.file_data`, `documents of type ${data.mediaType} have no counterpart in Messages`);
  return null;
}
