/**
 * Media jobs whose gateway process is killed in each phase: what the upstream made is charged exactly once, what it did not make not at all,
 * and what was set aside is set aside again before anybody is served.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import type { TestGateway } from '../support/gateway.ts';
import {
  askMedia,
  assertChargedOnce,
  balanceOf,
  mediaRows,
  openMedia,
  POOR_KEY,
  startMediaGateway,
} from '../support/media-gateway.ts';
import { type MadeJob, MediaUpstream } from '../support/media-upstream.ts';
import { pausePostgres, resumePostgres } from '../support/postgres-pause.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: MediaUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await MediaUpstream.start();
  gateway = await startMediaGateway([upstream.url], {}, { database: { connectTimeoutMs: 4000 } });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});
beforeEach(() => {
  upstream.plan = () => ({});
  upstream.lists = true;
});

async function killGateway(): Promise<void> {
  process.kill(gateway.gatewayPid, 'SIGKILL');
  await gateway.replaced();
}

async function jobOf(prompt: string): Promise<MadeJob> {
  return await waitFor(`the job "${prompt}"`, () => upstream.made(prompt)[0]);
}

async function charged(job: MadeJob): Promise<void> {
  await waitFor('the charge', async () => (await mediaRows(gateway)).has(job.id));
  await assertChargedOnce(gateway, job.id);
}

/** Nobody reads it to its end. */
async function ask(prompt: string, fields: object = {}): Promise<void> {
  const response = await openMedia(gateway, prompt, fields);
  response.on('error', () => {});
  response.resume();
}

test('killed while it is polled: polling goes on, one charge', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  await ask('while polling');
  const job = await jobOf('while polling');
  await waitFor('a poll', () => job.looks > 1);
  await killGateway();
  const { looks } = job;
  await waitFor('another poll', () => job.looks > looks + 1);
  resolve();
  await charged(job);
  assert.equal(upstream.made('while polling').length, 1);
});

test('killed between the making and its id: the job is found in the list, one charge', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ answerAfter: promise });
  const lost = askMedia(gateway, 'before its id').catch(() => null);
  const job = await jobOf('before its id');
  await killGateway();
  resolve();
  await lost;
  await charged(job);
  assert.equal(upstream.made('before its id').length, 1);
});

test('killed before the upstream had made anything: nothing is made later, nothing charged', async () => {
  const asked = upstream.creations.length;
  upstream.plan = () => ({ holdBefore: true });
  const lost = askMedia(gateway, 'never made').catch(() => null);
  await waitFor('the request', () => upstream.creations.length > asked);
  await killGateway();
  await lost;
  await waitFor('its reservation', async () => (await gateway.metrics()).get('penstock_slots_held{of="users"}') === 0);
  assert.equal(upstream.made('never made').length, 0);
});

test('killed between the making and its id, by an account that lists nothing: an alarm, no charge', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.lists = false;
  upstream.plan = () => ({ answerAfter: promise });
  const lost = askMedia(gateway, 'in doubt').catch(() => null);
  const job = await jobOf('in doubt');
  await killGateway();
  resolve();
  await lost;
  await waitFor('the alarm', async () => (await gateway.metrics()).get('penstock_alarm{alarm="job_unknown"}') === 1);
  assert.equal((await mediaRows(gateway)).has(job.id), false);
});

test('killed after success, while PostgreSQL stands still: the journal has the charge, once', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise, steps: 1 });
  const response = await openMedia(gateway, 'after success');
  let text = '';
  response.on('error', () => {});
  response.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const job = await jobOf('after success');
  await waitFor('a poll', () => job.looks > 0);
  const pids = pausePostgres(gateway.dataDir);
  try {
    resolve();
    await waitFor('the last poll', () => job.released && job.looks > 1);
    await waitFor('the link', () => text.includes('/sora/media/'));
    process.kill(gateway.gatewayPid, 'SIGKILL');
  } finally {
    resumePostgres(pids);
  }
  await gateway.replaced();
  await charged(job);
});

test('killed while a picture is made: not charged, nothing set aside, a row of 0 in the usage log, counted', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ answerAfter: promise });
  const balance = await balanceOf(gateway, 'poor');
  const lost = askMedia(gateway, 'a picture in doubt', { model: 'gpt-image' }, POOR_KEY).catch(() => null);
  await jobOf('a picture in doubt');
  await killGateway();
  resolve();
  await lost;
  await waitFor(
    'its end',
    async () => (await gateway.metrics()).get('penstock_jobs_ended_total{outcome="unknown"}') === 1,
  );
  assert.equal((await gateway.metrics()).get('penstock_alarm{alarm="job_unknown"}'), 1);
  const rows = await waitFor('its row', async () => {
    const found = [...(await mediaRows(gateway)).values()].flat().filter(({ model }) => model === 'gpt-image');
    return found.length > 0 && found;
  });
  const seen = rows.map(({ status, httpStatus, chargedNanoUsd }) => [status, httpStatus, chargedNanoUsd]);
  assert.deepEqual(seen, [['interrupted', 502, '0']]);
  assert.equal(await balanceOf(gateway, 'poor'), balance);
  await gateway.assertIdle();
  assert.equal(upstream.made('a picture in doubt').length, 1);
});

test('killed after a picture was given out, while PostgreSQL stood still: its charge is found, once', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ answerAfter: promise });
  const answer = askMedia(gateway, 'a picture in time', { model: 'gpt-image-portrait' });
  await jobOf('a picture in time');
  const pids = pausePostgres(gateway.dataDir);
  try {
    resolve();
    assert.equal((await answer).status, 200);
    process.kill(gateway.gatewayPid, 'SIGKILL');
  } finally {
    resumePostgres(pids);
  }
  await gateway.replaced();
  await waitFor(
    'its end',
    async () => (await gateway.metrics()).get('penstock_jobs_ended_total{outcome="completed"}') === 1,
  );
  const rows = (await usageOf(gateway)).rows.filter(({ model }) => model === 'gpt-image-portrait');
  assert.deepEqual(
    rows.map(({ status, chargedNanoUsd }) => [status, chargedNanoUsd]),
    [['completed', '63000000']],
  );
  assert.equal((await gateway.metrics()).get('penstock_jobs_ended_total{outcome="unknown"}'), 0);
});

test('what was set aside for a job is set aside again after a kill', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const lost = askMedia(gateway, 'set aside', {}, POOR_KEY).catch(() => null);
  const job = await jobOf('set aside');
  await waitFor('a poll', () => job.looks > 0);
  await killGateway();
  await lost;
  const refused = await askMedia(gateway, 'too much', {}, POOR_KEY);
  assert.equal(refused.status, 429, refused.body.toString());
  resolve();
  await charged(job);
  assert.equal(await balanceOf(gateway, 'poor'), '500000000');
});

test('a whole stop and start: the job is taken up again', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const response = await openMedia(gateway, 'over a restart');
  const job = await jobOf('over a restart');
  await waitFor('a poll', () => job.looks > 0);
  response.destroy();
  assert.equal(await gateway.terminate(), 0);
  resolve();
  await gateway.launch();
  await charged(job);
});

test('a reload: the job stays with the process that began it while its client waits, one charge', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const waiting = askMedia(gateway, 'over a reload');
  const job = await jobOf('over a reload');
  await waitFor('a poll', () => job.looks > 0);
  await gateway.reload();
  resolve();
  assert.equal((await waiting).status, 200);
  await charged(job);
});

test('a reload: a job whose client has left is taken up by the process that took over, one charge', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const response = await openMedia(gateway, 'left behind');
  const job = await jobOf('left behind');
  await waitFor('a poll', () => job.looks > 0);
  response.destroy();
  await gateway.reload();
  const { looks } = job;
  await waitFor('polls of the next process', () => job.looks > looks + 5);
  resolve();
  await charged(job);
  assert.equal(upstream.made('left behind').length, 1);
});

test('an account that is disabled while its job runs is asked on for that job, also after a kill, and for no other', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  await ask('before it is disabled');
  const job = await jobOf('before it is disabled');
  await waitFor('a poll', () => job.looks > 0);
  await gateway.admin('PATCH', '/accounts/m0', { status: 'disabled' });
  try {
    await killGateway();
    resolve();
    await charged(job);
    assert.notEqual((await askMedia(gateway, 'after it is disabled')).status, 200);
    assert.equal(upstream.made('after it is disabled').length, 0);
  } finally {
    await gateway.admin('PATCH', '/accounts/m0', { status: 'active' });
  }
});

test('PostgreSQL stands still as a job is ordered: refused, nothing is made', async () => {
  await askMedia(gateway, 'warm');
  const pids = pausePostgres(gateway.dataDir);
  try {
    const refused = await askMedia(gateway, 'unrecorded');
    assert.deepEqual(
      [refused.status, refused.json().error.message],
      [503, 'Media jobs cannot be recorded at the moment.'],
    );
    assert.equal(upstream.made('unrecorded').length, 0);
  } finally {
    resumePostgres(pids);
  }
});
