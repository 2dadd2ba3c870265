/** Files of media jobs that lie at a host which is not the account's. Front thread only. */
import { type Refusal, refuse } from '#failure/registry.ts';
import type { UpstreamHeaders } from '#relay/attempt.ts';
import type { Exchange } from './exchange.ts';

/** The file, a part of it, and none of it. */
const FILE_STATUSES: readonly number[] = [200, 206, 416];

export function isElsewhere({ mediaPlace }: Exchange): boolean {
  return mediaPlace !== null && mediaPlace.host !== null;
}

/** Null: it is the file, or the part of it that was asked for. */
export function fileFault(status: number, headers: UpstreamHeaders): Refusal | null {
  const coding = headers['content-encoding'];
  if ((coding === undefined || coding === 'identity') && FILE_STATUSES.includes(status)) return null;
  return refuse(status >= 400 && status < 500 ? 'media_unknown' : 'upstream_error');
}
