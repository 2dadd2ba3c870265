/**
 * Where an account's requests go, worked out once per account and snapshot: origin, path, and the headers that are the same for
 * every request. Pure.
 */
import { createHash } from 'node:crypto';
import type { SnapshotAccount } from '#threads/protocol.ts';

export interface Target {
  readonly origin: string;
  /** PEM of the only certificate authority trusted there; null trusts the public ones. */
  readonly ca: string | null;
  /** Targets share connections when origin and authority are the same. */
  readonly poolKey: string;
  /** Path of the account's base URL joined with the API path. */
  readonly messagesPath: string;
  /** Name, value, … */
  readonly headers: readonly string[];
}

export function makeTarget(account: SnapshotAccount): Target {
  const url = new URL(account.baseUrl);
  const prefix = url.pathname.replace(/\/+$/, '');
  return {
    origin: url.origin,
    ca: account.ca,
    poolKey:
      account.ca === null ? url.origin : `${url.origin} ${createHash('sha256').update(account.ca).digest('hex')}`,
    messagesPath: `${prefix}/v1/messages`,
    headers: ['x-api-key', account.apiKey, 'accept-encoding', 'identity'],
  };
}

/** The client's query string as it may travel on: `key=` and `api_key=` carry credentials and never do. */
export function forwardedQuery(query: string): string {
  if (query === '') return '';
  const kept = query.split('&').filter((part) => !/^(api_)?key(=|$)/i.test(part));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

/** What the client may add to the account's own headers; a missing content type is filled in. */
export function clientHeaders(forwarded: readonly string[]): readonly string[] {
  return forwarded.includes('content-type') ? forwarded : [...forwarded, 'content-type', 'application/json'];
}
