/**
 * Links to what a media job made: `/sora/media/{name}?expires=<Unix seconds>&sig=`. The name is the job's id, `{job id}/2` that of its second
 * picture. The signature is an HMAC-SHA-256 over name and time, base64url, by a key that never leaves this gateway; whoever has the
 * link needs no API key until it expires. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\/([1-9]\d?))?$/;

/** `index`: of several pictures of one job, from 0. */
export function mediaName(jobId: string, index: number): string {
  return index === 0 ? jobId : `${jobId}/${index + 1}`;
}

/** Null: it is none. */
export function readMediaName(name: string): { jobId: string; index: number } | null {
  const [, jobId, place] = NAME.exec(name) ?? [];
  return jobId === undefined ? null : { jobId, index: Number(place ?? 1) - 1 };
}

/** Path and query. */
export function signMediaLink(key: string, name: string, expiresSeconds: number): string {
  return `/sora/media/${name}?expires=${expiresSeconds}&sig=${signature(key, name, expiresSeconds)}`;
}

/** Whether `query` (without `?`) gives access to this media now. */
export function isGoodMediaLink(key: string, name: string, query: string, nowSeconds: number): boolean {
  const fields = new URLSearchParams(query);
  const expires = Number(fields.get('expires') ?? '');
  if (readMediaName(name) === null || !Number.isSafeInteger(expires) || expires <= nowSeconds) return false;
  const expected = Buffer.from(signature(key, name, expires));
  const given = Buffer.from(fields.get('sig') ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function signature(key: string, name: string, expiresSeconds: number): string {
  return createHmac('sha256', key).update(`${name}\n${expiresSeconds}`).digest('base64url');
}
