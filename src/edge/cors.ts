/**
 * Pages of a browser may read answers when `listen.corsOrigins` names where they come from. Off by default: keys do not belong into pages.
 * Front thread only.
 */
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Head } from './head.ts';

const METHODS = 'GET, POST, DELETE';
const EXPOSED =
  'x-penstock-request-id, request-id, x-request-id, retry-after, x-penstock-dropped, x-penstock-token-count';
const SECONDS = '86400';
const NO_BYTES = new Uint8Array(0);

/** Name, value, … for an answer to this origin; none when it is not allowed. */
function corsHeaders(origins: readonly string[], origin: string): readonly string[] {
  if (origin === '' || !(origins.includes('*') || origins.includes(origin))) return [];
  return ['access-control-allow-origin', origin, 'access-control-expose-headers', EXPOSED, 'vary', 'origin'];
}

/** A browser asks ahead of a request whether it may make it. Name, value, … behind those of `corsHeaders`; null: it is no such question. */
function preflightHeaders({ method, origin, askedHeaders }: Head): readonly string[] | null {
  if (method !== 'options' || origin === '') return null;
  const asked = askedHeaders === '' ? [] : ['access-control-allow-headers', askedHeaders];
  return ['access-control-allow-methods', METHODS, ...asked, 'access-control-max-age', SECONDS];
}

/** Lets the answer be read where its request comes from. True: that was all that was asked, and it has been answered. */
export function answerPreflight(origins: readonly string[], { head, reply }: Exchange): boolean {
  if (origins.length === 0) return false;
  const headers = corsHeaders(origins, head.origin);
  reply.extraHeaders = headers;
  const answer = headers.length === 0 ? null : preflightHeaders(head);
  if (answer !== null) reply.send(statusLine(204), answer, NO_BYTES);
  return answer !== null;
}
