/**
 * Where an account's requests go, worked out once per account and snapshot: origin, paths, and the headers that are the same for
 * every request. Pure.
 *
 *   base URL                      version that is added when the base names none      credential
 *   https://api.anthropic.com     /v1                                                 x-api-key
 *   https://api.openai.com        /v1                                                 authorization: Bearer
 *   https://…googleapis.com       /v1beta                                             x-goog-api-key
 */
import { createHash } from 'node:crypto';
import type { Platform } from '#base/protocols.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';

export interface Target {
  readonly origin: string;
  /** PEM of the only certificate authority trusted there; null trusts the public ones. */
  readonly ca: string | null;
  /** Targets share connections when origin and authority are the same. */
  readonly poolKey: string;
  /** Connected to in place of what the origin's name says; null: whatever it says. */
  readonly address: string | null;
  /** Path of the account's base URL with the version of the API: `/v1`. */
  readonly base: string;
  /** Name, value, … */
  readonly headers: readonly string[];
}

const VERSIONS: Readonly<Record<Platform, string>> = {
  anthropic: '/v1',
  openai: '/v1',
  gemini: '/v1beta',
  sora: '/v1',
};

export function makeTarget(account: SnapshotAccount): Target {
  const url = new URL(account.baseUrl);
  const prefix = url.pathname.replace(/\/+$/, '');
  return {
    origin: url.origin,
    ca: account.ca,
    poolKey:
      account.ca === null ? url.origin : `${url.origin} ${createHash('sha256').update(account.ca).digest('hex')}`,
    address: null,
    base: /\/v\d+[a-z]*\d*$/.test(prefix) ? prefix : prefix + VERSIONS[account.platform],
    headers: [...credential(account), 'accept-encoding', 'identity'],
  };
}

/** Where one file is to be had that an account has made, at a host that may be anybody's. */
export interface FileHost {
  readonly origin: string;
  /** The one that was found to be public. */
  readonly address: string;
  readonly ca: string | null;
}

/** Gets no credential, and shares connections with nobody. */
export function fileTarget({ origin, address, ca }: FileHost): Target {
  return { origin, ca, address, poolKey: '', base: '', headers: ['accept-encoding', 'identity'] };
}

function credential({ platform, apiKey }: SnapshotAccount): string[] {
  if (platform === 'anthropic') return ['x-api-key', apiKey];
  return platform === 'gemini' ? ['x-goog-api-key', apiKey] : ['authorization', `Bearer ${apiKey}`];
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
