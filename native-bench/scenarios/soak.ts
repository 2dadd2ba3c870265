/**
 * The soak: half an hour of mixed traffic, then whether resident memory still grew and whether everything was given back. Its length
 * is `BENCH_SOAK_MINUTES`, 30 by default, a fifth of a minute with `--quick`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { settledBytes, withForcedGc } from '../memory/forced-gc.ts';
import type { Contender } from '../peers/contender.ts';
import { ControlPort } from '../rig/control-port.ts';
import { withNodeOptions } from '../rig/node-options.ts';
import { GROWTH_BOUND, judgeMemory, type Sample, type SlopeOptions, windowOf } from '../soak/memory-slope.ts';
import { type MixedCounts, MixedTraffic } from '../soak/mixed-traffic.ts';
import { idleFds, leftOpen, openFds, SoakWatch } from '../soak/watch.ts';
import { SMALL_YOUNG_GENERATION } from '../soak/young-generation.ts';
import type { Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

/** Its first traffic: before descriptors are counted, so that everything is open that is opened when it is first needed. */
const { windows: WINDOWS } = PLANS.soak;
const RATE_PER_SECOND = 100;
const SEED = 7;
const MODELS = ['claude-haiku-4-5', 'claude-sonnet-4-5', 'claude-opus-4-5', 'claude-opus-4-1'];
const USERS = 20;
const KEYS = 200;
const ACCOUNTS = 8;
/** Connections of PostgreSQL and of the control port may come and go. */
const FDS_SPARE = 4;
const MIB = 1024 * 1024;

export const soak: Scenario = {
  name: 'soak',
  title: 'Soak: mixed traffic for half an hour',
  about:
    'Whole, streamed, large, broken-off and refused requests of 200 keys over 4 models at 100 a second, before a mock that ' +
    'fails 2 % of them; RSS once a second, its Theil–Sen slope after the warm-up, and what is left open at the end. ' +
    'Young generations are kept small and collections forced, so that growth of RSS is growth of what is held. ' +
    'Length: BENCH_SOAK_MINUTES.',
  run,
};

function keyOf(index: number): string {
  return `sk-ps-soak-${String(index).padStart(40, '0')}`;
}

function catalog(upstream: string): object {
  const account = { platform: 'anthropic', type: 'apikey', baseUrl: upstream, apiKey: 'sk-up', groups: ['main'] };
  return {
    groups: [{ name: 'main' }],
    accounts: Array.from({ length: ACCOUNTS }, (_, i) => ({ ...account, name: `mock${i}`, concurrency: 1_000 })),
    users: Array.from({ length: USERS }, (_, i) => ({ name: `user${i}`, balanceUsd: 1_000_000, concurrency: 1_000 })),
    keys: Array.from({ length: KEYS }, (_, i) => ({ user: `user${i % USERS}`, group: 'main', key: keyOf(i) })),
  };
}

async function run(rig: Rig): Promise<void> {
  const minutes = Number(process.env['BENCH_SOAK_MINUTES'] ?? secondsOf(rig, WINDOWS.traffic) / 60);
  const mock = await rig.mock({
    firstByteMs: 15,
    events: 20,
    paceMs: 20,
    overloaded: 0.01,
    resetBeforeHead: 0.005,
    resetInBody: 0.005,
  });
  const config = {
    catalog: catalog(mock.url),
    log: { level: 'error' }, // each fault of the mock is a warning
    // Kept connections to the upstream would still be open when descriptors are counted at the end.
    relay: { keepAliveMs: 1_000, prewarm: 0 },
    rest: { overloadedMs: 500, errorMs: 200 },
    // A ring's memory becomes resident as it is first written to: its first lap must be over in the warm-up, not after 16 MiB of records.
    usage: { ringBytes: MIB },
    limits: { exchangesPerFront: 512 },
  };
  const start = (): Promise<Contender | null> => rig.start('Penstock', mock.url, { config });
  const gateway = await withNodeOptions(SMALL_YOUNG_GENERATION, () => withForcedGc(start));
  if (gateway !== null) await load(rig, gateway, minutes);
}

async function load(rig: Rig, { url: base, penstock }: Contender, minutes: number): Promise<void> {
  const { control, dataDir, gatewayPid } = penstock!;
  const port = new ControlPort(control, dataDir);
  const watched = { gatewayPid, metrics: () => port.metrics() };
  const keys = Array.from({ length: KEYS }, (_, i) => keyOf(i));
  const mix = { base, keys, models: MODELS, ratePerSecond: RATE_PER_SECOND };
  const first = new MixedTraffic({ ...mix, seed: SEED });
  await sleep(secondsOf(rig, WINDOWS.firstTraffic) * 1_000);
  await first.stop();
  const fdsAtStart = await idleFds(gatewayPid);
  const rowsBefore = await rowsOf(port);
  // With --quick there is no slope.
  const settledMib = async (): Promise<number> => (rig.quick ? 0 : (await settledBytes([gatewayPid])) / MIB);
  const settledBefore = await settledMib();
  const window = windowOf(minutes * 60_000);
  // One collection an interval: its lowest sample is what is held, not what lies around.
  const watch = new SoakWatch(watched, { collectEveryMs: window.intervalMs });
  const traffic = new MixedTraffic({ ...mix, seed: SEED + 1 });
  try {
    await pass(rig, minutes, traffic);
  } finally {
    await traffic.stop();
    await watch.stop();
  }
  const left = await leftOpen(watched, fdsAtStart + FDS_SPARE);
  const fdsAtEnd = openFds(gatewayPid);
  report(rig, watch, window);
  if (!rig.quick) {
    const settled = { case: 'mixed traffic', contender: 'Penstock', unit: 'MiB', round: 0 } as const;
    rig.measured({ ...settled, metric: 'RSS after forced collections, before', value: settledBefore });
    rig.measured({ ...settled, metric: 'RSS after forced collections, at the end', value: await settledMib() });
  }
  rig.verdict({
    goal: 'open exchanges, held places, held bytes and descriptors after the soak',
    bound: `0, and at most ${FDS_SPARE} descriptors above the ${fdsAtStart} before it`,
    measured: left.length === 0 ? `0; ${fdsAtEnd} descriptors, ${watch.peaks.fds} at the peak` : left.join('; '),
    held: left.length === 0 && port.gatewayPid === gatewayPid,
    why: left.length === 0 ? '' : 'something was not given back',
  });
  judgeCounts(rig, traffic.counts, (await rowsOf(port)) - rowsBefore);
}

async function rowsOf(port: ControlPort): Promise<number> {
  await port.flushed();
  return (await port.usage('?limit=0')).requests;
}

/** Waits the time out and tells how it goes. */
async function pass(rig: Rig, minutes: number, { counts }: MixedTraffic): Promise<void> {
  const endMs = performance.now() + minutes * 60_000;
  let toldMs = performance.now();
  for (let left = endMs - performance.now(); left > 0; left = endMs - performance.now()) {
    await sleep(Math.min(1_000, left));
    if (performance.now() - toldMs < 60_000) continue;
    toldMs = performance.now();
    rig.say(`soak: ${(left / 60_000).toFixed(0)} min left, ${counts.sent} requests sent`);
  }
}

function report(rig: Rig, { samples, peaks }: SoakWatch, window: SlopeOptions): void {
  rig.verdict({ goal: 'memory slope over the soak', bound: GROWTH_BOUND, ...judgeMemory(samples, window) });
  rig.curve(curveOf(samples));
  const figure = { case: 'mixed traffic', contender: 'Penstock', round: 0 } as const;
  const rss = (metric: string, bytes: number): void =>
    rig.measured({ ...figure, metric, unit: 'MiB', value: bytes / MIB });
  rss('RSS at the start', samples[0]!.bytes);
  rss('RSS', samples.at(-1)!.bytes);
  rss('RSS peak', Math.max(...samples.map(({ bytes }) => bytes)));
  rss('heap of primary, peak', peaks.primaryHeapBytes);
  rig.measured({ ...figure, metric: 'open exchanges, peak', unit: 'count', value: peaks.exchangesOpen });
}

/** At most 600 points: a plot does not show more. */
function curveOf(samples: readonly Sample[]): Parameters<Rig['curve']>[0] {
  const every = Math.ceil(samples.length / 600);
  const points = samples.filter((_, i) => i % every === 0);
  const startMs = samples[0]!.atMs;
  return {
    plot: 'Resident memory over the soak',
    contender: 'Penstock',
    x: points.map(({ atMs }) => (atMs - startMs) / 60_000),
    y: points.map(({ bytes }) => bytes / MIB),
    xLabel: 'minutes',
    yLabel: 'RSS, MiB',
    xScale: 'linear',
  };
}

/** Every answer that a client saw completed is a row; rows beyond them are answers that broke off or were left. */
function judgeCounts(rig: Rig, counts: MixedCounts, rows: number): void {
  const { completed, broken, left, sent, refused, unanswered, skipped } = counts;
  const most = completed + broken + left;
  rig.note(
    `${sent} requests: ${completed} completed, ${broken} broken by the mock, ${left} left by their client, ` +
      `refused ${JSON.stringify(refused)}, unanswered ${JSON.stringify(unanswered)}, ${skipped} not sent in time`,
  );
  rig.verdict({
    goal: 'usage rows lost or doubled in the soak',
    bound: `from ${completed} (completed) to ${most} (and begun)`,
    measured: `${rows} rows`,
    held: rows >= completed && rows <= most,
    why: rows < completed ? 'rows are lost' : rows > most ? 'rows are doubled' : '',
  });
}
