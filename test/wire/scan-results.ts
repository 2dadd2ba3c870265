/** Scans of hand-written bodies, for the tests of the scan's parts. */
import assert from 'node:assert/strict';
import { type Facts, isScanError, type ScanError } from '#wire/facts.ts';
import { scan } from '#wire/scan.ts';

export const DEPTH_MAX = 8;

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

export function factsOf(text: string): Facts {
  const result = scan(bytesOf(text), DEPTH_MAX);
  assert.ok(!isScanError(result), isScanError(result) ? `${result.reason} at ${result.offset}` : '');
  return result;
}

export function errorOf(body: string | Uint8Array): ScanError {
  const result = scan(typeof body === 'string' ? bytesOf(body) : body, DEPTH_MAX);
  assert.ok(isScanError(result), 'the body should be refused');
  return result;
}

/** A body that is right in all but the given members. */
export function withMembers(members: string): string {
  return `{"model":"m","messages":[]${members === '' ? '' : ','}${members}}`;
}

export function texts(body: string, spans: Int32Array): string[] {
  const bytes = bytesOf(body);
  return Array.from({ length: spans.length / 2 }, (_, i) => bytes.toString('utf8', spans[2 * i], spans[2 * i + 1]));
}
