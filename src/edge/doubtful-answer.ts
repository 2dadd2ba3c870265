/**
 * An upstream's error of which only the body tells whom it concerns (`relay/error-body.ts`), until enough of it has come. Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import type { UpstreamHeaders } from '#relay/attempt.ts';
import { JUDGED_BYTES_MAX } from '#relay/error-body.ts';
import type { Verdict } from '#relay/verdict.ts';

export class DoubtfulAnswer {
  readonly sinceMs = nowMs();
  readonly status: number;
  readonly headers: UpstreamHeaders;
  /** What the head said; it stays where the body says nothing. */
  readonly verdict: Verdict;
  readonly chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(status: number, headers: UpstreamHeaders, verdict: Verdict) {
    this.status = status;
    this.headers = headers;
    this.verdict = verdict;
  }

  /** False: it is longer than what is judged. */
  push(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= JUDGED_BYTES_MAX;
  }

  get body(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}
