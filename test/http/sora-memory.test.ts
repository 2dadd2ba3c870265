/** Reference pictures of media jobs: in a budget as long as they are there, and gone once the job is made. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withNodeOptions } from '../../native-bench/rig/node-options.ts';
import { closeAll } from '../support/close-all.ts';
import type { TestGateway } from '../support/gateway.ts';
import { finish } from '../support/http-client.ts';
import { mediaCatalog, openMedia, startMediaGateway } from '../support/media-gateway.ts';
import { MediaUpstream } from '../support/media-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const PLACES = 4;
const THREADS = 3; // primary, one front, usage-writer
const PICTURE = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(4_000_000, 1)]);
const WITH_PICTURE = { image: `data:image/png;base64,${PICTURE.toString('base64')}` };

const folder = mkdtempSync(join(tmpdir(), 'heap-probe-'));
const file = join(folder, 'held');
const done = Promise.withResolvers<void>();
let upstream: MediaUpstream;
let gateway: TestGateway;

before(async () => {
  process.env['HEAP_PROBE_FILE'] = file;
  upstream = await MediaUpstream.start();
  upstream.plan = () => ({ doneAfter: done.promise });
  const probe = `--import=${new URL('../support/heap-probe.ts', import.meta.url).href}`;
  const patch = { threads: { fronts: 1 }, catalog: mediaCatalog([upstream.url], { concurrency: PLACES }) };
  gateway = await withNodeOptions(probe, () => startMediaGateway([upstream.url], {}, patch));
});
after(async () => {
  done.resolve();
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
  rmSync(folder, { recursive: true, force: true });
});

/** In array buffers, of all threads together. */
async function heldBytes(): Promise<number> {
  rmSync(file, { force: true });
  process.kill(gateway.gatewayPid, 'SIGUSR2');
  const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  await waitFor('every thread to tell', () => lines().length === THREADS);
  return lines().reduce((sum, line) => sum + Number(line.split(' ')[2]), 0);
}

async function budgetedBytes(): Promise<number> {
  return (await gateway.metrics()).get('penstock_body_bytes_held') ?? 0;
}

test('a job that is made holds its reference picture nowhere; one that waits for a place holds it in the budget', async () => {
  const before = await heldBytes();
  const jobs = [];
  for (let i = 0; i < PLACES; i++) jobs.push(await openMedia(gateway, `made ${i}`, WITH_PICTURE));
  await waitFor('the jobs', () => upstream.jobs.length === PLACES);
  // None of them ends before it is told to.
  await waitFor('the pictures to be let go', async () => (await heldBytes()) - before < PICTURE.length);
  assert.equal(await budgetedBytes(), 0);

  const waiting = openMedia(gateway, 'waits', WITH_PICTURE);
  await waitFor('the picture in the budget', async () => {
    const bytes = await budgetedBytes();
    return bytes >= PICTURE.length && bytes < PICTURE.length + 64 * 1024;
  });
  done.resolve();
  for (const answer of [...jobs, await waiting]) assert.ok((await finish(answer)).whole);
  assert.ok(upstream.made('waits')[0]!.form.includes(PICTURE.toString('latin1')));
  assert.equal(await budgetedBytes(), 0);
  await gateway.assertIdle();
});
