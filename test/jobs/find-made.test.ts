import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMade } from '#jobs/find-made.ts';
import { readJobStatus } from '#jobs/job-status.ts';
import type { JobTools } from '#jobs/job-tools.ts';
import type { MediaAccount } from '#jobs/media-account.ts';
import type { JobRow } from '#store/job-row.ts';

const JOB = {
  id: '01900000-0000-7000-8000-000000000001',
  createdAtMs: 1_700_000_000_000,
  accountId: 1,
  ...{ prompt: 'a dam', upstreamModel: 'sora-2', size: '1280x720', seconds: 10 },
} as JobRow;

function listed(id: string, fields: object = {}): object {
  const { prompt, size, seconds } = JOB;
  return { id, prompt, size, seconds: String(seconds), model: 'sora-2', created_at: 1_700_000_001, ...fields };
}

async function find(jobs: object[] | null, { known = [] as string[], twins = 0 } = {}): Promise<unknown> {
  const store = { known: async () => new Set(known), twins: async () => twins };
  const tools = { store, config: { sora: { pollMs: 1 } }, halt: new AbortController().signal } as unknown as JobTools;
  const account = { listVideos: async () => jobs?.map(readJobStatus) ?? null } as unknown as MediaAccount;
  return await findMade(tools, account, JOB);
}

test("the only job that fits and is in nobody's books is the one", async () => {
  assert.deepEqual(await find([listed('a'), listed('b')], { known: ['a'] }), { upstreamId: 'b' });
});

test('nothing that fits: it was not made', async () => {
  assert.equal(await find([]), 'not made');
  for (const other of [
    { prompt: 'x' },
    { seconds: '4' },
    { size: '1x1' },
    { model: 'y' },
    { created_at: 1_600_000_000 },
  ])
    assert.equal(await find([listed('a', other)]), 'not made', JSON.stringify(other));
});

test('several that fit, or an account that lists nothing: unknown', async () => {
  assert.equal(await find([listed('a'), listed('b')]), 'unknown');
  assert.equal(await find(null), 'unknown');
});

test("one that fits while another order of the same is being made: unknown, for it may be that one's", async () => {
  assert.equal(await find([listed('a')], { twins: 1 }), 'unknown');
  assert.equal(await find([], { twins: 1 }), 'not made');
});
