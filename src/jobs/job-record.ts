/** The usage record of a media job that succeeded: the same bytes however often it is made, but for its duration. Pure; primary. */
import { compactRequestId } from '#base/request-id.ts';
import type { JobRow } from '#store/job-row.ts';
import type { UsageRecord } from '#usage/record.ts';

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
