/** The journal's disk is full, for real: new work is refused, what was served is kept, and with room again everything is billed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FAILURES } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Answer, finish, open, question, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

interface Scene {
  upstream: Upstream;
  gateway: TestGateway;
  disk: SmallDisk;
}

/** The gateway's journal folder becomes a disk of 512 KiB before anything was written to it. */
async function makeScene(t: TestContext, usage: object): Promise<Scene | null> {
  const upstream = await Upstream.start();
  const gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url), usage });
  const disk = SmallDisk.mount(join(gateway.dataDir, 'journal'), 512);
  t.after(() =>
    closeAll(
      () => gateway.terminate(),
      async () => disk?.unmount(),
      () => gateway.stop(),
      () => upstream.close(),
    ),
  );
  if (disk === null) t.skip('needs root to mount a small disk');
  return disk === null ? null : { upstream, gateway, disk };
}

/** Requests until one of them is refused for the journal's sake; the others' status codes. */
async function untilRefused(gateway: TestGateway): Promise<Answer[]> {
  const answers: Answer[] = [];
  await waitFor(
    'a refusal',
    async () => {
      const answer = await send(gateway.url, { key: KEY, body: question(`full-${answers.length}`) });
      if (answer.status === 503 && answer.json().error.message.includes(FAILURES.usage_backlog.text)) return true;
      answers.push(answer);
      return false;
    },
    { boundMs: 20_000 },
  );
  return answers;
}

async function untilServed(gateway: TestGateway): Promise<void> {
  await waitFor(
    'service again',
    async () => (await send(gateway.url, { key: KEY, body: question('again') })).status === 200,
  );
}

/** Every answer of the upstream is one row. */
async function assertAllBilled({ gateway, upstream }: Scene): Promise<void> {
  await gateway.assertIdle();
  const usage = await waitFor('a flush that succeeds', () => usageOf(gateway).catch(() => null));
  const served = upstream.ledger.map((entry) => entry.requestId).sort();
  assert.deepEqual(usage.rows.map((row) => row.upstreamRequestId).sort(), served);
}

test('async: while the disk is full new requests get 503 before any upstream work; with room again nothing served is missing', async (t) => {
  const scene = await makeScene(t, {});
  if (scene === null) return;
  const { gateway, disk, upstream } = scene;
  await untilServed(gateway);
  disk.fill();
  const answers = await untilRefused(gateway);
  assert.ok(answers.every((answer) => answer.status === 200));
  const asked = upstream.received.length;
  assert.equal((await send(gateway.url, { key: KEY, body: question('refused') })).status, 503);
  assert.equal(upstream.received.length, asked);
  assert.equal(metric(await gateway.metrics(), 'penstock_alarm', 'journal_failed'), 1);
  disk.free();
  await untilServed(gateway);
  await assertAllBilled(scene);
  assert.equal(metric(await gateway.metrics(), 'penstock_alarm', 'journal_failed'), 0);
});

test('journaled: an answer whose record finds no room is broken off in time, so no client sees it complete; it is billed later', async (t) => {
  const scene = await makeScene(t, { durability: 'journaled', durableWaitMs: 700 });
  if (scene === null) return;
  const { gateway, disk, upstream } = scene;
  await untilServed(gateway);
  const go = new AbortController();
  upstream.plan = ({ label }) => (label.startsWith('held') ? { events: 3, holdUntil: go.signal } : {});
  const streams = Array.from({ length: 40 }, (_, i) => {
    return open(gateway.url, { key: KEY, body: question(`held-${i}`, { stream: true }) });
  });
  const whole = send(gateway.url, { key: KEY, body: question('held-json') });
  await waitFor('the requests at the upstream', () => upstream.openNow() === 41);
  disk.fill();
  go.abort();
  const answers = await Promise.all(streams.map(async (stream) => finish(await stream)));
  const json = await whole;
  // What still fitted into the last block of the file was made durable and is complete.
  const broken = answers.filter((answer) => !answer.body.includes('event: message_stop'));
  assert.ok(broken.length > 0, 'some found no room');
  for (const answer of broken) {
    assert.equal(answer.whole, false);
    const { event, data } = answer.events().at(-1)!;
    assert.equal(event, 'error');
    assert.ok(JSON.stringify(data).includes(FAILURES.record_not_durable.text));
  }
  if (json.status !== 200) assert.match(json.json().error.message, new RegExp(FAILURES.record_not_durable.text));
  await gateway.assertIdle();
  disk.free();
  await untilServed(gateway);
  await assertAllBilled(scene);
});
