/**
 * Fetches a reference picture from wherever a client says, without letting it reach what only this machine can reach: names are resolved
 * here, every address must be public, the connection goes to the address that was judged (not to a second answer of the name server), and
 * each redirect is judged anew. Primary only; nothing here blocks.
 */
import type { LookupFunction } from 'node:net';
import { imageType } from '#wire/reference-image.ts';
import { callHttp, type HttpAnswer } from './http-call.ts';
import { type Pinned, pinAddress } from './pin-address.ts';

export interface FetchRules {
  /** Private addresses too. */
  fetchPrivate: boolean;
  bytesMax: number;
  /** For everything, redirects included. */
  timeoutMs: number;
}

export type Fetched = { bytes: Uint8Array; type: 'image/png' | 'image/jpeg' | 'image/webp' } | { reason: string };

const REDIRECTS_MAX = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** `reason` is for the client: it says nothing of what was found at an address. */
export async function fetchReference(address: string, rules: FetchRules, signal: AbortSignal): Promise<Fetched> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(rules.timeoutMs)]);
  let url = URL.parse(address);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const target =
      url === null ? { reason: 'Its address cannot be read.' } : await pinAddress(url, rules.fetchPrivate, deadline);
    if ('reason' in target) return target;
    const answer = await get(url!, target, rules, deadline);
    if ('reason' in answer) return answer;
    if (!REDIRECTS.has(answer.status)) return readImage(answer);
    url = URL.parse(String(answer.headers.location ?? ''), url!.href);
  }
  return { reason: `It redirects more than ${REDIRECTS_MAX} times.` };
}

async function get(
  url: URL,
  pinned: Pinned,
  rules: FetchRules,
  signal: AbortSignal,
): Promise<HttpAnswer | { reason: string }> {
  const lookup: LookupFunction = (_host, options, done) => {
    if (options.all) done(null, [pinned]);
    else done(null, pinned.address, pinned.family);
  };
  try {
    return await callHttp({
      method: 'GET',
      url,
      headers: { accept: 'image/png, image/jpeg, image/webp', 'accept-encoding': 'identity' },
      body: null,
      ca: null,
      agent: false,
      timeoutMs: rules.timeoutMs,
      bytesMax: rules.bytesMax,
      signal,
      lookup,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ANSWER_TOO_LARGE') return { reason: `It is larger than ${rules.bytesMax} bytes.` };
    return { reason: 'It could not be fetched.' };
  }
}

function readImage({ status, body }: HttpAnswer): Fetched {
  if (status !== 200) return { reason: `Its host answers with status ${status}.` };
  const type = imageType(body);
  return type === null ? { reason: 'It is neither PNG, JPEG nor WebP.' } : { bytes: body, type };
}
