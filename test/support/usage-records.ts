/** Usage records for tests, and the pieces of shared memory that a usage-writer works on. */
import { randomBytes } from 'node:crypto';
import { compactRequestId, makeRequestId } from '#base/request-id.ts';
import type { Database } from '#store/database.ts';
import { putGroup } from '#store/put-group.ts';
import { putUser } from '#store/put-user.ts';
import type { UsageRecord } from '#usage/record.ts';
import { encodeRecord } from '#usage/record-codec.ts';

/** A record of its own request, made now, that costs 1000 nano-USD. */
export function makeRecord(fields: Partial<UsageRecord> = {}): UsageRecord {
  const id = makeRequestId();
  return {
    requestId: compactRequestId(id.text),
    createdAtMs: id.createdAtMs,
    userId: 1,
    keyId: 1,
    groupId: 1,
    accountId: 1,
    model: 'claude-sonnet-4-5',
    upstreamModel: 'claude-sonnet-4-5-20250929',
    stream: true,
    status: 'completed',
    usageSource: 'reported',
    httpStatus: 200,
    inputTokens: 120,
    outputTokens: 40,
    cacheReadTokens: 1000,
    cacheWrite5mTokens: 10,
    cacheWrite1hTokens: 5,
    webSearchRequests: 0,
    costNanoUsd: 900n,
    chargedNanoUsd: 1000n,
    multiplierMicros: 1_111_111,
    attempts: 1,
    queueMs: 0,
    firstByteMs: 350,
    durationMs: 4000,
    clientRequestId: randomBytes(8).toString('hex'),
    upstreamRequestId: `req_${randomBytes(12).toString('hex')}`,
    protocol: 'messages',
    upstreamProtocol: 'messages',
    serviceTier: '',
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 0,
    mediaSeconds: 0,
    ...fields,
  };
}

/** As a batch carries them. */
export function encodeRecords(...records: UsageRecord[]): Uint8Array[] {
  return records.map((record) => Buffer.from(encodeRecord(record)));
}

/** Users 1 to `count`, each with the balance. */
export async function seedUsers(db: Database, count: number, balanceNanoUsd = 1_000_000_000n): Promise<void> {
  await putGroup(db, { name: 'main', platform: 'anthropic', multiplierMicros: 1_000_000, modelPlatforms: {} });
  for (let i = 1; i <= count; i++) {
    await putUser(db, { name: `u${i}`, concurrency: 10, status: 'active', balanceNanoUsd });
  }
}

export interface Books {
  rows: number;
  /** Distinct request ids. */
  requests: number;
  chargedNanoUsd: bigint;
  /** What all balances lost since `seedUsers`. */
  debitedNanoUsd: bigint;
}

/** What PostgreSQL says was billed. */
export async function readBooks(db: Database, openedWith = 1_000_000_000n): Promise<Books> {
  const [row] = await db<{ rows: string; requests: string; charged: string; users: string; left: string }[]>`
    select count(*) as rows, count(distinct request_id) as requests, coalesce(sum(charged_nano_usd), 0) as charged,
           (select count(*) from balances) as users, (select coalesce(sum(nano_usd), 0) from balances) as left
    from usage_logs`;
  return {
    rows: Number(row!.rows),
    requests: Number(row!.requests),
    chargedNanoUsd: BigInt(row!.charged),
    debitedNanoUsd: BigInt(row!.users) * openedWith - BigInt(row!.left),
  };
}
