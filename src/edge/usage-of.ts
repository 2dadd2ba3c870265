/**
 * Turns an ended exchange into its usage record: the tokens that the tap saw (or an estimate where the upstream never said), priced
 * once, with the times and names that a row needs. Pure but for the clock value it is handed.
 */
import { compactRequestId } from '#base/request-id.ts';
import { cost } from '#meter/cost.ts';
import { estimateInputTokens } from '#meter/reserve.ts';
import type { TapUsage } from '#meter/tap.ts';
import type { RecordStatus, UsageRecord, UsageSource } from '#usage/record.ts';
import type { Exchange } from './exchange.ts';

export function usageOf(exchange: Exchange, status: RecordStatus, now: number): UsageRecord {
  const { id, entry, facts, account, price, tap } = exchange;
  if (entry === null || facts === null || account === null || price === null || tap === null) {
    throw new Error('a usage record is asked for before the exchange was relayed');
  }
  const { principal } = entry;
  const { usage, source } = billedUsage(tap.usage, tap.estimatedOutputTokens, estimateInputTokens(facts.textBytes));
  const { costNanoUsd, chargedNanoUsd } = cost(usage, price, principal.multiplierMicros);
  return {
    requestId: compactRequestId(id.text),
    createdAtMs: id.createdAtMs,
    userId: principal.userId,
    keyId: principal.keyId,
    groupId: principal.groupId,
    accountId: account.id,
    model: facts.model ?? '',
    upstreamModel: exchange.sentModel,
    stream: facts.stream,
    status,
    usageSource: source,
    httpStatus: exchange.upstreamStatus,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cacheReadTokens: usage.cacheReadTokens,
    cacheWrite5mTokens: usage.cacheWrite5mTokens,
    cacheWrite1hTokens: usage.cacheWrite1hTokens,
    webSearchRequests: usage.webSearchRequests,
    costNanoUsd,
    chargedNanoUsd,
    multiplierMicros: principal.multiplierMicros,
    attempts: exchange.attempts,
    queueMs: Math.round(exchange.queuedMs),
    firstByteMs: exchange.firstByteAtMs === 0 ? -1 : Math.round(exchange.firstByteAtMs - exchange.startedAtMs),
    durationMs: Math.round(now - exchange.startedAtMs),
    clientRequestId: exchange.head.clientRequestId,
    upstreamRequestId: exchange.upstreamRequestId,
  };
}

/**
 * Final numbers are billed as they are. When only the start of the answer was seen, its input numbers hold and the output is what
 * was seen or the estimate of what was forwarded, whichever is more. When nothing was seen, both are estimates.
 */
function billedUsage(
  seen: TapUsage,
  estimatedOutputTokens: number,
  estimatedInputTokens: number,
): { usage: TapUsage; source: UsageSource } {
  if (seen.seen === 'final') return { usage: seen, source: 'reported' };
  if (seen.seen === 'partial') {
    const outputTokens = Math.max(seen.outputTokens, estimatedOutputTokens);
    const source = outputTokens > seen.outputTokens ? 'estimated' : 'partial';
    return { usage: { ...seen, outputTokens }, source };
  }
  return {
    usage: { ...seen, inputTokens: estimatedInputTokens, outputTokens: estimatedOutputTokens },
    source: 'estimated',
  };
}
