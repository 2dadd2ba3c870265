/**
 * The soak in short: mixed traffic against a real gateway on three fronts leaves nothing open, and the verdict on memory tells a leak
 * from a heap that breathes. Length and rate of the real one: `native-bench/scenarios/soak.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeMemory, memorySlope, type Sample, windowOf } from '../../native-bench/soak/memory-slope.ts';
import { MixedTraffic } from '../../native-bench/soak/mixed-traffic.ts';
import { idleFds, leftOpen, SoakWatch } from '../../native-bench/soak/watch.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Upstream } from '../support/upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;
const OPTIONS = { warmUpMs: 5 * MINUTE_MS, intervalMs: MINUTE_MS / 2 };

/** Half an hour of a heap that is collected every 70 s, was warm after four minutes and grows by so much in ten. */
function heap(leakMibInTen: number, seed: number): Sample[] {
  const random = seededRandom(seed);
  return Array.from({ length: 1_800 }, (_, second) => {
    const warming = 60 * (1 - Math.exp(-second / 60));
    const sawtooth = 40 * ((second % 70) / 70);
    const leak = (leakMibInTen * second) / 600;
    return { atMs: second * 1_000, bytes: (150 + warming + sawtooth + leak + random()) * MIB };
  });
}

test('a planted leak of 2 MiB in ten minutes is found below a sawtooth of 40, and its size told', () => {
  for (const seed of [1, 2, 3]) {
    const judged = judgeMemory(heap(2, seed), OPTIONS);
    assert.equal(judged.held, false, judged.measured);
    const slope = memorySlope(heap(2, seed), OPTIONS)!;
    const inTen = (slope.perMinute * 10) / MIB;
    assert.ok(Math.abs(inTen - 2) < 0.5, `${inTen}`);
  }
});

test('a heap that only breathes, or grew while it warmed up, is no leak', () => {
  for (const seed of [1, 2, 3]) {
    const judged = judgeMemory(heap(0, seed), OPTIONS);
    assert.equal(judged.held, true, judged.measured);
  }
});

test('one step of the heap is not a slope', () => {
  const stepped = heap(0, 4).map(({ atMs, bytes }) => ({ atMs, bytes: bytes + (atMs > 1_500_000 ? 8 * MIB : 0) }));
  assert.equal(judgeMemory(stepped, OPTIONS).held, true);
});

test('a run that is too short for a slope is told so and not judged', () => {
  const short = heap(0, 5).slice(0, 60);
  const judged = judgeMemory(short, { warmUpMs: 15_000, intervalMs: 3_000 });
  assert.equal(judged.held, null);
  assert.match(judged.why, /a window of 45 s/);
  assert.equal(judgeMemory([], OPTIONS).held, null);
});

test('a run is judged from 20 minutes on, and never by its first ten', () => {
  const judged = (minutes: number, leakMibInTen: number) =>
    judgeMemory(heap(leakMibInTen, 6).slice(0, minutes * 60), windowOf(minutes * MINUTE_MS)).held;
  assert.deepEqual([judged(16, 0), judged(21, 0), judged(30, 0)], [null, true, true]);
  assert.deepEqual([judged(16, 60), judged(21, 60), judged(30, 4)], [null, false, false]);
  assert.equal(windowOf(20 * MINUTE_MS).warmUpMs, 10 * MINUTE_MS);
  assert.equal(windowOf(30 * MINUTE_MS).warmUpMs, 10 * MINUTE_MS);
  assert.equal(windowOf(60 * MINUTE_MS).warmUpMs, 20 * MINUTE_MS);
});

/** Faults as the mock of the bench has them. */
function plan({ index }: { index: number }): import('../support/upstream.ts').Plan {
  if (index % 50 === 7) return { status: 529 };
  if (index % 100 === 13) return { breakAt: 'headers', breakHow: 'reset' };
  if (index % 100 === 21) return { breakAt: 1, breakHow: 'reset' };
  return { events: 6, paceMs: 10, headersAfterMs: 10 };
}

/** At 60 a second: five seconds. */
const REQUESTS = 300;
const FDS_SPARE = 6;

async function sent({ counts }: MixedTraffic, requests: number): Promise<void> {
  await waitFor(`${requests} requests`, () => counts.sent >= requests, { boundMs: 30_000 });
}

test('mixed traffic leaves no exchange, no place, no byte and no descriptor open, and loses no row', async (t) => {
  const upstream = await Upstream.start({ plan });
  t.after(() => upstream.close());
  const catalog = standardCatalog(upstream.url);
  const [first] = catalog['accounts']!;
  catalog['accounts'] = Array.from({ length: 4 }, (_, i) => ({ ...first, name: `a${i}` }));
  const gateway = await TestGateway.start({
    catalog,
    relay: { keepAliveMs: 1_000, prewarm: 0 },
    rest: { overloadedMs: 200, errorMs: 100 },
  });
  t.after(() => gateway.stop());
  const watched = { gatewayPid: gateway.gatewayPid, metrics: () => gateway.metrics() };
  const mix = { base: gateway.url, keys: [KEY], models: ['claude-haiku-4-5', 'claude-sonnet-4-5'], ratePerSecond: 60 };
  const warm = new MixedTraffic({ ...mix, seed: 1 });
  await sent(warm, 60);
  await warm.stop();
  const fds = await idleFds(gateway.gatewayPid);
  const watch = new SoakWatch(watched, { sampleMs: 200 });
  const traffic = new MixedTraffic({ ...mix, seed: 2 });
  await sent(traffic, REQUESTS);
  await traffic.stop();
  await watch.stop();
  assert.deepEqual(await leftOpen(watched, fds + FDS_SPARE), []);
  assert.ok(watch.peaks.exchangesOpen > 0 && watch.samples.length > 5, 'it was watched');
  const { completed, broken, left, refused, unanswered } = traffic.counts;
  const counts = JSON.stringify(traffic.counts);
  assert.ok(completed > 120 && left > 10 && refused['400']! > 0 && refused['401']! > 0, counts);
  assert.deepEqual(unanswered, {}, counts);
  const { requests } = await usageOf(gateway);
  const before = warm.counts.completed;
  assert.ok(requests >= before + completed, `${requests} rows, ${counts}`);
  const most = before + completed + broken + left + warm.counts.broken + warm.counts.left;
  assert.ok(requests <= most, `${requests} rows, ${counts}`);
});
