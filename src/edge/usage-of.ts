/**
 * Turns an ended exchange into its usage record: the tokens that the tap saw (or an estimate where the upstream never said), priced
 * once, with the times and names that a row needs. Pure but for the clock value it is handed.
 */
import { compactRequestId } from '#base/request-id.ts';
import { cost } from '#meter/cost.ts';
import type { RecordStatus, UsageRecord } from '#usage/record.ts';
import { zeroCounts } from '#wire/token-counts.ts';
import type { Exchange } from './exchange.ts';

/** What upstreams call the tier that costs the ordinary price. */
const ORDINARY_TIERS: readonly string[] = ['default', 'standard'];

export function usageOf(exchange: Exchange, status: RecordStatus | 'open', now: number): UsageRecord {
  const { id, entry, account, price, tap } = exchange;
  if (entry === null || account === null || price === null || tap === null) {
    throw new Error('a usage record is asked for before the exchange was relayed');
  }
  const { principal } = entry;
  const { counts, source } = tap.billable(exchange.inputTokensEstimated);
  if (source === 'estimated' && !exchange.operation.generates) counts.outputTokens = 0;
  const { costNanoUsd, chargedNanoUsd } = cost(counts, price, principal.multiplierMicros, tap.serviceTier);
  return {
    requestId: compactRequestId(id.text),
    createdAtMs: id.createdAtMs,
    userId: principal.userId,
    keyId: principal.keyId,
    groupId: principal.groupId,
    accountId: account.id,
    model: exchange.model,
    upstreamModel: exchange.sentModel,
    stream: exchange.streams,
    status,
    usageSource: source,
    httpStatus: exchange.upstreamStatus,
    inputTokens: counts.inputTokens,
    outputTokens: counts.outputTokens,
    cacheReadTokens: counts.cacheReadTokens,
    cacheWrite5mTokens: counts.cacheWrite5mTokens,
    cacheWrite1hTokens: counts.cacheWrite1hTokens,
    webSearchRequests: counts.webSearchRequests,
    costNanoUsd,
    chargedNanoUsd,
    multiplierMicros: principal.multiplierMicros,
    attempts: exchange.attempts,
    queueMs: Math.round(exchange.queuedMs),
    firstByteMs: exchange.firstByteAtMs === 0 ? -1 : Math.round(exchange.firstByteAtMs - exchange.startedAtMs),
    durationMs: Math.round(now - exchange.startedAtMs),
    clientRequestId: exchange.clientRequestId,
    upstreamRequestId: exchange.upstreamRequestId,
    protocol: exchange.operation.protocol,
    upstreamProtocol: exchange.crossing?.upstream ?? exchange.operation.protocol,
    serviceTier: ORDINARY_TIERS.includes(tap.serviceTier) ? '' : tap.serviceTier,
    reasoningTokens: counts.reasoningTokens,
    audioInputTokens: counts.audioInputTokens,
    audioOutputTokens: counts.audioOutputTokens,
    imageInputTokens: counts.imageInputTokens,
    imageOutputTokens: counts.imageOutputTokens,
    mediaItems: counts.mediaItems,
    mediaSeconds: counts.mediaSeconds,
  };
}

/** What ends an open record without a row: of such a record nobody reads more than its id. */
export function voidOf({ id }: Exchange): UsageRecord {
  return { ...NO_RECORD, requestId: compactRequestId(id.text), createdAtMs: id.createdAtMs };
}

const NO_RECORD: UsageRecord = {
  requestId: '',
  createdAtMs: 0,
  userId: 0,
  keyId: 0,
  groupId: 0,
  accountId: 0,
  model: '',
  upstreamModel: '',
  stream: false,
  status: 'open',
  usageSource: 'estimated',
  httpStatus: 0,
  ...zeroCounts(),
  costNanoUsd: 0n,
  chargedNanoUsd: 0n,
  multiplierMicros: 0,
  attempts: 0,
  queueMs: 0,
  firstByteMs: -1,
  durationMs: 0,
  clientRequestId: '',
  upstreamRequestId: '',
  protocol: '',
  upstreamProtocol: '',
  serviceTier: '',
};
