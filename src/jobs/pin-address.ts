/**
 * The one address that may be connected to for a URL that comes from elsewhere: its name is resolved here, every address of it must be
 * public, and whoever connects does so to the one that was judged, not to a second answer of the name server. Primary only.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.ts';

export interface Pinned {
  address: string;
  family: number;
}

/** `reason` is for the client: it says nothing of what was found. */
export async function pinAddress(
  url: URL,
  mayBePrivate: boolean,
  signal: AbortSignal,
): Promise<Pinned | { reason: string }> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { reason: 'Its address is neither http nor https.' };
  if (url.username !== '' || url.password !== '') return { reason: 'Its address holds a user name.' };
  const addresses = await resolve(url.hostname.replace(/^\[|\]$/g, ''), signal);
  const first = addresses[0];
  if (first === undefined) return { reason: 'Its host is not known.' };
  if (!mayBePrivate && !addresses.every(({ address }) => isPublicAddress(address)))
    return { reason: 'Its host is not on the public internet.' };
  return first;
}

/** None when the name is not known, or not found in time. */
async function resolve(host: string, signal: AbortSignal): Promise<Pinned[]> {
  if (isIP(host) !== 0) return [{ address: host, family: isIP(host) }];
  const late = new Promise<Pinned[]>((done) => signal.addEventListener('abort', () => done([]), { once: true }));
  return await Promise.race([dnsLookup(host, { all: true }).catch(() => []), late]);
}
