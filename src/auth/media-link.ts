/**
 * Links to what a media job made: `/sora/media/{job id}?expires=<Unix seconds>&sig=`. The signature is an HMAC-SHA-256 over job and
 * time, base64url, by a key that never leaves this gateway; whoever has the link needs no API key until it expires. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const JOB_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Path and query. */
export function signMediaLink(key: string, jobId: string, expiresSeconds: number): string {
  return `/sora/media/${jobId}?expires=${expiresSeconds}&sig=${signature(key, jobId, expiresSeconds)}`;
}

/** Whether `query` (without `?`) gives access to this job's media now. */
export function isGoodMediaLink(key: string, jobId: string, query: string, nowSeconds: number): boolean {
  const fields = new URLSearchParams(query);
  const expires = Number(fields.get('expires') ?? '');
  if (!JOB_ID.test(jobId) || !Number.isSafeInteger(expires) || expires <= nowSeconds) return false;
  const expected = Buffer.from(signature(key, jobId, expires));
  const given = Buffer.from(fields.get('sig') ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function signature(key: string, jobId: string, expiresSeconds: number): string {
  return createHmac('sha256', key).update(`${jobId}\n${expiresSeconds}`).digest('base64url');
}
