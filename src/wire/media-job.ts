/**
 * A media job as threads hand it to each other: what a front orders from primary, and what primary tells of it. Shapes only, plain data.
 */
import type { FailureCode } from '#failure/registry.ts';

/** A picture that the video is to begin with: where it can be fetched, or its bytes. */
export type ReferenceImage =
  | { readonly url: string }
  | { readonly bytes: Uint8Array; readonly type: 'image/png' | 'image/jpeg' | 'image/webp' };

/** What a client wants made. */
export interface MediaRequest {
  readonly kind: 'image' | 'video';
  readonly prompt: string;
  /** Pixels, `1280x720`. */
  readonly size: string;
  /** Of an image, as OpenAI names them; '' leaves it to whoever makes it. */
  readonly quality: string;
  /** Of video; 0 for an image. */
  readonly seconds: number;
  /** What the account is asked for when its map of models does not say otherwise. */
  readonly upstreamModel: string;
  /** See `MediaModel`. */
  readonly priceNames: readonly string[];
  readonly image: ReferenceImage | null;
  /** The upstream's id of a video to be made anew by the prompt. */
  readonly remixOf: string | null;
}

/**
 * Its user's place, the account's place and the money are primary's from the moment when it is sent: the front has passed them on
 * in the shared tables.
 */
export interface JobOrder extends MediaRequest {
  /** Null again once no account will be asked any more: a job goes on for minutes without it. */
  image: ReferenceImage | null;
  /** The exchange's request id, with dashes, and the millisecond inside it. */
  readonly id: string;
  readonly createdAtMs: number;
  readonly userId: number;
  readonly keyId: number;
  readonly groupId: number;
  /** As the client named it. */
  readonly model: string;
  readonly stream: boolean;
  readonly multiplierMicros: number;
  readonly costNanoUsd: bigint;
  readonly chargedNanoUsd: bigint;
  readonly queueMs: number;
  readonly clientRequestId: string;
  /** Accounts by id; the place of the first is held. */
  readonly accounts: readonly number[];
}

/** What was made: one video, to be had from the account, or pictures. */
export interface MediaResult {
  readonly kind: 'image' | 'video';
  /** Addresses as the upstream gave them, or `data:` URLs. Empty: the video is read through the account. */
  readonly urls: readonly string[];
}

export type JobNews =
  /** An account has taken the job: no other will be asked. */
  | { type: 'jobCreated'; id: string }
  | { type: 'jobProgress'; id: string; percent: number }
  | { type: 'jobDone'; id: string; result: MediaResult }
  | { type: 'jobFailed'; id: string; code: FailureCode; detail: string; retryAfterSeconds: number };
