/** Media jobs as the metrics page counts them, whichever front took the order. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import type { TestGateway } from '../support/gateway.ts';
import { askMedia, openMedia, startMediaGateway, VIDEO_NANO } from '../support/media-gateway.ts';
import { MediaUpstream } from '../support/media-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: MediaUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await MediaUpstream.start();
  gateway = await startMediaGateway([upstream.url], { deadlineMs: 4000 });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function value(name: string): Promise<number> {
  return (await gateway.metrics()).get(`penstock_${name}`) ?? 0;
}

test('under way, created, and by how they ended', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const response = await openMedia(gateway, 'under way');
  response.resume();
  await waitFor('it to run', async () => (await value('jobs_open{state="running"}')) === 1);
  await waitFor('polls', async () => (await value('job_polls_total{answer="told"}')) > 2);
  resolve();
  await waitFor('its end', async () => (await value('jobs_ended_total{outcome="completed"}')) === 1);
  upstream.plan = () => ({ ending: 'failed' });
  await askMedia(gateway, 'failed');
  upstream.plan = () => ({ ending: 'cancelled' });
  await askMedia(gateway, 'cancelled');
  upstream.plan = () => ({ refuse: { status: 400 } });
  await askMedia(gateway, 'refused');
  upstream.plan = () => ({ doneAfter: new Promise(() => {}) });
  await askMedia(gateway, 'expired');
  for (const outcome of ['completed', 'failed', 'cancelled', 'refused', 'expired'])
    assert.equal(await value(`jobs_ended_total{outcome="${outcome}"}`), 1, outcome);
  assert.equal(await value('jobs_ended_total{outcome="unknown"}'), 0);
  assert.equal(await value('jobs_created_total{kind="video"}'), 4);
  assert.equal(await value('jobs_charged_nano_usd_total'), Number(VIDEO_NANO));
  assert.equal(await value('job_duration_seconds_count'), 5);
  assert.ok((await value('job_duration_seconds_sum')) >= 4);
  assert.equal(await value('jobs_open{state="running"}'), 0);
});

test('a picture whose answer breaks off: unknown, said to its client, a row of 0, an alarm', async () => {
  upstream.plan = () => ({ resetAfterMaking: true });
  const made = upstream.jobs.length;
  const answer = await askMedia(gateway, 'a broken picture', { model: 'gpt-image' });
  assert.deepEqual([answer.status, answer.headers['x-should-retry']], [502, 'false']);
  assert.match(answer.json().error.message, /Whether the upstream has made it is not known; it is not charged/);
  assert.equal(upstream.jobs.length, made + 1);
  await waitFor('the count', async () => (await value('jobs_ended_total{outcome="unknown"}')) === 1);
  assert.equal(await value('alarm{alarm="job_unknown"}'), 1);
  await gateway.assertIdle();
});
