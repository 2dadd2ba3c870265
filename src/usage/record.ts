/**
 * One usage record: what one exchange that an upstream answered is billed by. A front makes it in `settle`, it travels through
 * ring, journal and COPY, and becomes one row of `usage_logs`. While a stream runs, an `open` record of it lies in the journal: what
 * it would be billed by if the process were killed now. It never becomes a row as it is.
 *
 *   open ──► open (renewed) ──┬──► closing     the exchange was settled: its record
 *                             ├──► void        the exchange made no record after all
 *                             └──► recovered   its front or process died: the last open record, as `interrupted`
 *
 * Encoded as a msgpackr array (field order below, so that no field names are stored). `FORMAT_VERSION` names that order;
 * each journal segment carries it. Append fields at the end and raise the version; never reorder.
 */

/**
 * 3: protocols, service tier, sound, pictures and media; records without them are of Anthropic Messages. 2: open records, and a kind in
 * each frame. 1: records alone; read as kind `record`. A version before leaves segments of a later one alone: nothing of them is lost,
 * and nothing billed until the later version is back.
 */
export const FORMAT_VERSION = 3;

/**
 * What a frame of a ring or of the journal says, beside its record.
 * - `record`: a settled exchange that left no open record.
 * - `open`: replaces the open record of the same request.
 * - `closing`: a settled exchange that had left one.
 * - `void`: ends an open record without a row.
 * - `recovered`: made by the usage-writer from an open record, or by primary for a media job; no front has booked it.
 */
export const KIND = Object.freeze({ record: 0, open: 1, closing: 2, void: 3, recovered: 4 });
export type Kind = (typeof KIND)[keyof typeof KIND];
export const KIND_MAX = KIND.recovered;

/** Whether a frame of this kind stands for a row. */
export function isRow(kind: Kind): boolean {
  return kind !== KIND.open && kind !== KIND.void;
}

/**
 * How the exchange ended.
 * - `completed`: the client got the upstream's whole answer; it may have left behind its last event, before its end.
 * - `client_gone`: the client left first; the upstream was drained within bounds.
 * - `interrupted`: the upstream (or the gateway, at shutdown) broke the answer off.
 */
export type RecordStatus = 'completed' | 'client_gone' | 'interrupted';

/** How the token numbers were obtained: final numbers of the upstream, the last numbers seen, or our own estimate. */
export type UsageSource = 'reported' | 'partial' | 'estimated';

export interface UsageRecord {
  /** UUIDv7 as 32 lower-case hex digits without dashes. */
  requestId: string;
  /** The UUIDv7's own millisecond (Unix epoch): fixed before the record exists, so (requestId, createdAtMs) is unique by requestId. */
  createdAtMs: number;
  userId: number;
  keyId: number;
  groupId: number;
  accountId: number;
  /** Model as the client asked for it; at most 128 bytes, no NUL. */
  model: string;
  /** Model as it was sent upstream; at most 128 bytes, no NUL. */
  upstreamModel: string;
  stream: boolean;
  status: RecordStatus | 'open';
  usageSource: UsageSource;
  /** HTTP status the client saw. */
  httpStatus: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  webSearchRequests: number;
  /** Price of the tokens before the group's multiplier, nano-USD. */
  costNanoUsd: bigint;
  /** What the user pays, nano-USD. */
  chargedNanoUsd: bigint;
  /** The group's rate multiplier in millionths (1_000_000 = 1). */
  multiplierMicros: number;
  attempts: number;
  /** Milliseconds, whole: waited in queues; request read to first upstream body byte (-1: none came); request read to end. */
  queueMs: number;
  firstByteMs: number;
  durationMs: number;
  /** `x-request-id` the client sent, cut to 64 bytes, recorded and never trusted; '' when none. */
  clientRequestId: string;
  /** `request-id` of the upstream, cut to 64 bytes; '' when none. */
  upstreamRequestId: string;
  /** What the client spoke, and what the account spoke (`base/protocols.ts`, at most 32 bytes). */
  protocol: string;
  upstreamProtocol: string;
  /** As billed, at most 32 bytes; '' is the ordinary one. */
  serviceTier: string;
  /** A part of `outputTokens`; every other count is apart (`wire/token-counts.ts`). */
  reasoningTokens: number;
  audioInputTokens: number;
  audioOutputTokens: number;
  imageInputTokens: number;
  imageOutputTokens: number;
  /** Images or videos made; seconds of video made. */
  mediaItems: number;
  mediaSeconds: number;
}

/** Upper bound of one encoded record in bytes, whatever its strings hold; admission reserves this much ring room. */
export const RECORD_BYTES_MAX = 1024;
