/**
 * A slow upstream: thousands of streams open at once at a few events a second. Memory of one stream as the slope of resident memory,
 * CPU of one event, and what each event's way takes beyond that of the mock alone. Every round starts its contenders anew, because a heap
 * that has once been large hides what the next streams take.
 */
import { at } from '../load/latencies.ts';
import { StreamCrowd } from '../load/stream-crowd.ts';
import { residentBytes, settledBytes, withForcedGc } from '../memory/forced-gc.ts';
import { openFilesMax } from '../memory/resident.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { median } from '../report/ratios.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import type { ContenderName, Figure, Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.streams;
const KIB = 1024;
const MIB = KIB * KIB;
const CONTENDERS: readonly ContenderName[] = ['Penstock', 'before', 'nginx', 'uWS forwarder', 'Portkey'];
const QUICK: readonly ContenderName[] = ['Penstock', 'before', 'nginx'];
const NATIVE: readonly ContenderName[] = ['nginx', 'HAProxy'];
const BODY_BYTES = 64 * KIB;
const PACE_MS = 500;
const ENDLESS = 1_000_000_000;
const GOAL_KIB = 25;
/** More rounds of several minutes each tell little more. */
const ROUNDS_MAX = 3;
/** Descriptors of a contender beside two for every stream. */
const SPARE_FILES = 500;
/** Driver and mock share a core: beyond this, the driver times itself. */
const DRIVER_DELAY_MAX_US = 20_000;

const LIMITS = { exchangesPerFront: 12_000, bodyBytesTotal: 1024 * MIB };

interface Plan {
  counts: readonly number[];
  seconds: number;
}

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock({ events: ENDLESS, paceMs: PACE_MS, stamped: true });
  const names = (rig.quick ? QUICK : CONTENDERS).filter((name) => rig.contenders.includes(name));
  const rounds = Math.min(rig.rounds, ROUNDS_MAX);
  for (let round = 0; round < rounds; round++) {
    const direct = await measureDirect(rig, mock.url, round);
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      await measureOne(rig, name, mock.url, round, direct).catch((error: Error) =>
        rig.skipped(`${name}, round ${round + 1}`, error.message),
      );
    }
  }
  noteLargest(rig);
  judge(rig, 'Penstock');
}

function plan(rig: Rig, name: Figure['contender']): Plan {
  const seconds = secondsOf(rig, WINDOWS.events);
  if (name === 'Portkey') return { counts: [200, 1_000], seconds };
  return { counts: rig.quick ? [300, 1_500] : [1_000, 5_000, largest()], seconds };
}

/** Two descriptors a stream are what a proxy needs. */
function largest(): number {
  return Math.min(10_000, Math.floor((openFilesMax() - SPARE_FILES) / 2));
}

function place(count: number): string {
  return `${count.toLocaleString('en')} open streams`;
}

/** Open streams → p50 of an event's way without anything between. */
async function measureDirect(rig: Rig, url: string, round: number): Promise<Map<number, number>> {
  rig.say('direct');
  const { counts, seconds } = plan(rig, 'direct');
  const crowd = new StreamCrowd({ url, key: KEY, bodyBytes: BODY_BYTES, headers: {} });
  const p50 = new Map<number, number>();
  try {
    for (const count of counts) {
      await openAll(crowd, count);
      const { delay } = await crowd.measure(seconds);
      p50.set(count, at(delay, 50));
      const figure = { case: place(count), contender: 'direct', unit: 'µs', round } as const;
      rig.measured({ ...figure, metric: 'p50', value: at(delay, 50) });
      rig.measured({ ...figure, metric: 'p99', value: at(delay, 99) });
    }
  } finally {
    await crowd.stop();
  }
  return p50;
}

async function openAll(crowd: StreamCrowd, count: number): Promise<void> {
  const { open, why } = await crowd.open(count);
  if (open < count) throw new Error(`${open} of ${count} streams are open: ${why}`);
}

async function measureOne(
  rig: Rig,
  name: ContenderName,
  upstream: string,
  round: number,
  direct: Map<number, number>,
): Promise<void> {
  rig.say(name);
  const contender = await withForcedGc(() =>
    rig.start(name, upstream, { config: { limits: LIMITS, log: { level: 'error' } } }),
  );
  if (contender === null) return;
  const { counts, seconds } = plan(rig, name);
  const crowd = new StreamCrowd({
    url: contender.url,
    key: KEY,
    bodyBytes: BODY_BYTES,
    headers: contender.headers ?? {},
  });
  const resident: number[] = [];
  try {
    for (const count of counts) {
      await openAll(crowd, count);
      await measureEvents(rig, { name, contender, crowd, count, seconds, round, direct });
      const bytes = await settled(rig, name, contender);
      resident.push(bytes);
      rig.measured({ case: place(count), contender: name, metric: 'RSS', unit: 'MiB', round, value: bytes / MIB });
    }
  } finally {
    await crowd.stop();
    await contender.stop();
  }
  const slope = (resident.at(-1)! - resident[0]!) / (counts.at(-1)! - counts[0]!);
  const figure = { case: slopeCase(counts), contender: name, metric: 'memory per stream', unit: 'KiB', round };
  rig.measured({ ...figure, value: slope / KIB });
  if (round === 0) draw(rig, name, counts, resident);
}

/** nginx has nothing to collect, and takes SIGUSR2 for something else. */
function settled(rig: Rig, name: ContenderName, contender: Contender): Promise<number> {
  const pids = contender.pids();
  return NATIVE.includes(name)
    ? Promise.resolve(residentBytes(pids))
    : settledBytes(pids, secondsOf(rig, WINDOWS.settle));
}

interface Window {
  name: ContenderName;
  contender: Contender;
  crowd: StreamCrowd;
  count: number;
  seconds: number;
  round: number;
  direct: Map<number, number>;
}

async function measureEvents(rig: Rig, window: Window): Promise<void> {
  const { name, contender, crowd, count, seconds, round, direct } = window;
  let measured = await crowd.measure(0);
  const cost = await cpuOf(contender, async () => {
    measured = await crowd.measure(seconds);
    return measured.events;
  });
  const { open, delay, loopDelayUs } = measured;
  if (open < count) throw new Error(`${count - open} of ${count} streams broke`);
  const figure = { case: place(count), contender: name, unit: 'µs', round };
  rig.measured({ ...figure, metric: 'CPU per event', value: cost.totalUs });
  if (loopDelayUs > DRIVER_DELAY_MAX_US) {
    const lateMs = (loopDelayUs / 1_000).toFixed(0);
    return rig.skipped(`${name}, ${place(count)}: delay of events`, `the driver itself was ${lateMs} ms late`);
  }
  rig.measured({ ...figure, metric: 'p50', value: at(delay, 50) });
  rig.measured({ ...figure, metric: 'p99', value: at(delay, 99) });
  const base = direct.get(count);
  if (base !== undefined) rig.measured({ ...figure, metric: 'p50 added', value: at(delay, 50) - base });
}

function slopeCase(counts: readonly number[]): string {
  const [from, to] = [counts[0]!, counts.at(-1)!].map((count) => count.toLocaleString('en'));
  return `${from} to ${to} open streams`;
}

function draw(rig: Rig, contender: ContenderName, x: readonly number[], bytes: readonly number[]): void {
  const y = bytes.map((one) => one / MIB);
  const labels = { xLabel: 'open streams', yLabel: 'RSS, MiB', xScale: 'linear' } as const;
  rig.curve({ plot: 'memory over open streams', contender, x: [...x], y, ...labels });
}

function noteLargest(rig: Rig): void {
  const { counts } = plan(rig, 'Penstock');
  const limit = `${openFilesMax()} open files a process, of which a proxy needs two a stream`;
  const why = rig.quick ? 'a quick run' : largest() < 10_000 ? limit : 'as many as the goal names';
  rig.note(`largest count: ${place(counts.at(-1)!)} (${why}); one event in ${PACE_MS} ms each, bodies of 64 KB`);
}

function judge(rig: Rig, contender: ContenderName): void {
  const where = slopeCase(plan(rig, contender).counts);
  const found = rig.measurements.find(
    (one) => one.case === where && one.contender === contender && one.metric === 'memory per stream',
  );
  const values = found?.values.filter((value) => value !== null) ?? [];
  const middle = median(values);
  const range = values.length > 1 ? ` (${Math.min(...values).toFixed(1)} … ${Math.max(...values).toFixed(1)})` : '';
  const held = values.length === 0 ? null : middle <= GOAL_KIB;
  rig.verdict({
    goal: `memory per open stream, ${where}`,
    bound: `≤ ${GOAL_KIB} KiB`,
    measured: values.length === 0 ? 'not measured' : `${middle.toFixed(1)}${range} KiB`,
    held,
    why: held === null ? 'no round was measured' : held ? '' : `${(middle - GOAL_KIB).toFixed(1)} KiB above`,
  });
}

export const streams: Scenario = {
  name: 'streams',
  title: 'Many open streams',
  about:
    'A slow upstream with thousands of streams open, two events a second each, bodies of 64 KB: memory per stream as the slope of RSS after forced collections, CPU per event, and the way of each event from its stamp to the client.',
  run,
};
