/** A gateway with one group of platform sora, and how tests ask it for media. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { account, type ConfigPatch, KEY, TestGateway } from './gateway.ts';
import { type Answer, open, send } from './http-client.ts';
import { type UsageRow, usageOf } from './usage.ts';

export const MEDIA_PATH = '/sora/v1/chat/completions';
/** A key of a group that is not of platform sora. */
export const OTHER_KEY = 'sk-ps-test-other-00000000000000000000000000000000';
/** Whose balance covers one video of ten seconds, and not two. */
export const POOR_KEY = 'sk-ps-test-poor-000000000000000000000000000000000';
export const VIDEO = 'sora2-landscape-10s';
/** 10 s at 0.10 USD. */
export const VIDEO_NANO = '1000000000';

export function mediaCatalog(urls: string[], fields: object = {}): Record<string, object[]> {
  const accounts = urls.map((url, index) =>
    account(`m${index}`, url, { platform: 'sora', priority: 10 + index, ...fields }),
  );
  return {
    groups: [{ name: 'main', platform: 'sora' }, { name: 'other' }],
    accounts,
    users: [
      { name: 'u1', balanceUsd: 1000, concurrency: 100 },
      { name: 'poor', balanceUsd: 1.5, concurrency: 100 },
    ],
    keys: [
      { user: 'u1', group: 'main', key: KEY },
      { user: 'u1', group: 'other', key: OTHER_KEY },
      { user: 'poor', group: 'main', key: POOR_KEY },
    ],
  };
}

export function startMediaGateway(urls: string[], sora: object = {}, patch: ConfigPatch = {}): Promise<TestGateway> {
  return TestGateway.start({
    catalog: mediaCatalog(urls),
    sora: { pollMs: 60, pingMs: 200, fetchPrivate: true, ...sora },
    relay: { attempts: 3 },
    supervisor: { restartMinMs: 10 },
    ...patch,
  });
}

export function mediaBody(prompt: string, fields: object = {}): object {
  return { model: VIDEO, messages: [{ role: 'user', content: prompt }], ...fields };
}

export function askMedia(gateway: TestGateway, prompt: string, fields: object = {}, key = KEY): Promise<Answer> {
  return send(gateway.url, { path: MEDIA_PATH, key, body: mediaBody(prompt, fields) });
}

export function openMedia(gateway: TestGateway, prompt: string, fields: object = {}): Promise<IncomingMessage> {
  return open(gateway.url, { path: MEDIA_PATH, key: KEY, body: mediaBody(prompt, { stream: true, ...fields }) });
}

export interface MediaRow extends UsageRow {
  mediaItems: number;
  mediaSeconds: number;
  protocol: string;
  httpStatus: number;
}

/** The rows of jobs, by the upstream's id. */
export async function mediaRows(gateway: TestGateway): Promise<Map<string, MediaRow[]>> {
  const rows = (await usageOf(gateway)).rows as MediaRow[];
  const byJob = new Map<string, MediaRow[]>();
  for (const row of rows) byJob.set(row.upstreamRequestId, [...(byJob.get(row.upstreamRequestId) ?? []), row]);
  return byJob;
}

/** This job of the upstream is one row, at the price of a video of ten seconds. */
export async function assertChargedOnce(gateway: TestGateway, upstreamId: string): Promise<MediaRow> {
  const rows = (await mediaRows(gateway)).get(upstreamId) ?? [];
  assert.equal(rows.length, 1, `${rows.length} rows for ${upstreamId}`);
  const [row] = rows;
  assert.deepEqual([row!.chargedNanoUsd, row!.mediaItems, row!.mediaSeconds], [VIDEO_NANO, 1, 10]);
  return row!;
}

/** Dollars of a user, as PostgreSQL has them now. */
export async function balanceOf(gateway: TestGateway, user: string): Promise<string> {
  await gateway.flush();
  const { users } = await gateway.admin<{ users: { name: string; balanceNanoUsd: string }[] }>('GET', '/users');
  return users.find(({ name }) => name === user)!.balanceNanoUsd;
}
