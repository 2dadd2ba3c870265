/**
 * A reference picture as clients give it: an address, a data URL, or bare base64. Says what it is, fetches nothing. Pure.
 */
import type { ReferenceImage } from './media-job.ts';

const URL_CHARS_MAX = 4096;
const DATA_URL = /^data:([\w/+.-]*)(?:;[\w=-]+)*;base64,/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
/** Shorter texts are rather a mistake than a picture. */
const BASE64_CHARS_MIN = 32;

type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';

/** Null: there is none. */
export function readReference(value: unknown): ReferenceImage | { path: string; reason: string } | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value !== 'string') return fault('expected an address, a data URL or base64');
  if (/^https?:\/\//i.test(value)) {
    return value.length > URL_CHARS_MAX || !URL.canParse(value) ? fault('is no address') : { url: value };
  }
  const encoded = value.replace(DATA_URL, '').replace(/\s+/g, '');
  if (encoded.length < BASE64_CHARS_MIN || !BASE64.test(encoded))
    return fault('expected an address, a data URL or base64');
  const bytes = Buffer.from(encoded, 'base64');
  const type = imageType(bytes);
  return type === null ? fault('is neither PNG, JPEG nor WebP') : { bytes, type };
}

/** By its first bytes, whatever it is called. */
export function imageType(bytes: Uint8Array): ImageType | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 12)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  return /^RIFF[\s\S]{4}WEBP$/.test(head) ? 'image/webp' : null;
}

function fault(reason: string): { path: string; reason: string } {
  return { path: 'image', reason };
}
