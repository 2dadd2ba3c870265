/** The usage records of media jobs: the same bytes however often they are made, but for the duration. Pure; primary. */
import { compactRequestId } from '#base/request-id.ts';
import { FAILURES } from '#failure/registry.ts';
import type { JobRow } from '#store/job-row.ts';
import type { UsageRecord } from '#usage/record.ts';

/** Of one that succeeded. */
export function jobRecord(job: JobRow, nowMs: number): UsageRecord {
  return {
    requestId: compactRequestId(job.id),
    createdAtMs: job.createdAtMs,
    userId: job.userId,
    keyId: job.keyId,
    groupId: job.groupId,
    accountId: job.accountId,
    model: job.model,
    upstreamModel: job.upstreamModel,
    stream: job.stream,
    status: 'completed',
    usageSource: 'reported',
    httpStatus: 200,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    webSearchRequests: 0,
    costNanoUsd: job.costNanoUsd,
    chargedNanoUsd: job.chargedNanoUsd,
    multiplierMicros: job.multiplierMicros,
    attempts: job.attempts,
    queueMs: job.queueMs,
    firstByteMs: -1,
    durationMs: Math.max(0, nowMs - job.createdAtMs),
    clientRequestId: job.clientRequestId,
    upstreamRequestId: (job.upstreamId ?? '').slice(0, 64),
    protocol: 'sora',
    upstreamProtocol: 'sora',
    serviceTier: '',
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 1,
    mediaSeconds: job.seconds,
  };
}

/** Of one that its account may have made, and nobody got: for nothing, so that whoever reads the log sees it. */
export function unknownRecord(job: JobRow, nowMs: number): UsageRecord {
  return {
    ...jobRecord(job, nowMs),
    status: 'interrupted',
    usageSource: 'estimated',
    httpStatus: FAILURES.unknown_outcome.status,
    costNanoUsd: 0n,
    chargedNanoUsd: 0n,
    mediaItems: 0,
    mediaSeconds: 0,
  };
}
