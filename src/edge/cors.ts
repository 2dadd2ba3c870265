/**
 * Pages of a browser may read answers when `listen.corsOrigins` names where they come from. Off by default: keys do not belong into pages.
 * Pure.
 */
import type { Head } from './head.ts';

const METHODS = 'GET, POST, DELETE';
const EXPOSED =
  'x-penstock-request-id, request-id, x-request-id, retry-after, x-penstock-dropped, x-penstock-token-count';
const SECONDS = '86400';

/** Name, value, … for an answer to this origin; none when it is not allowed. */
export function corsHeaders(origins: readonly string[], origin: string): readonly string[] {
  if (origin === '' || !(origins.includes('*') || origins.includes(origin))) return [];
  return ['access-control-allow-origin', origin, 'access-control-expose-headers', EXPOSED, 'vary', 'origin'];
}

/** A browser asks ahead of a request whether it may make it. Name, value, … behind those of `corsHeaders`; null: it is no such question. */
export function preflightHeaders({ method, origin, askedHeaders }: Head): readonly string[] | null {
  if (method !== 'options' || origin === '') return null;
  const asked = askedHeaders === '' ? [] : ['access-control-allow-headers', askedHeaders];
  return ['access-control-allow-methods', METHODS, ...asked, 'access-control-max-age', SECONDS];
}
