/**
 * What more fronts cost: at a fixed offered load, CPU of the fronts' threads per request with 2, 4 and 8 of them beside 1, counters of
 * what they do to each other, and how evenly the kernel deals connections. What more fronts give is measured where cores exist.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClosedLoop, runClosedLoop } from '../load/closed-loop.ts';
import { KeptConnections } from '../load/kept-connections.ts';
import { rawRequest } from '../load/requests.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { find, formatRatio, median } from '../report/ratios.ts';
import { maxOverMean } from '../report/spread.ts';
import { ControlPort } from '../rig/control-port.ts';
import { CORES, pinTo } from '../rig/pinning.ts';
import { type FrontTime, frontTime, processMicroseconds, threadClocks } from '../rig/thread-clock.ts';
import { caseRatio } from './case-ratio.ts';
import { judgeRatio } from './ratio-verdict.ts';
import type { Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.scaling;
const FRONTS = { quick: [1, 4], full: [1, 2, 4, 8] };
const CONNECTIONS = 128;
const BODY_BYTES = 1_024;
/**
 * Enough for a thread to find several requests when it wakes up. At 1,000 a second nearly every request wakes a front of its own, for its
 * arrival and for its answer, and a wake-up costs more than the request: with one front 47 µs a request in a closed loop and about 120 µs
 * for each turn on the core beside, at every rate from 500 to 4,000 a second. Four fronts, with 2.1 turns a request for 1.3, then took 1.7 ×
 * as much, none of which they do to each other.
 */
const RATE_PER_SECOND = 4_000;
const RATIO_MAX = 1.1;
/** Eight fronts with the product's defaults may need more memory than the default bound; the same for all of them here. */
const LIMITS = { memoryBytesMax: 8 * 1024 ** 3, exchangesPerFront: 2_000, connectionsPerFront: 4_000 };
/** Shorter than the mock keeps what is idle: a request on a connection that the upstream closes at that moment is a 502 with one account. */
const RELAY = { keepAliveMs: 5_000 };
const WARM_UP_BOUND_MS = 30_000;
const CORES_MIN = 8;
/** Requests that a front has answered when its compilers have done most of their work. */
const WARM_REQUESTS = { quick: 5_000, full: 10_000 };
const METRIC = 'CPU of fronts per request';
const TURNS = 'turns of fronts on the core per request';
/** Per request, of counters on the metrics page. */
const COUNTED = {
  'place retries per request': 'penstock_slot_retries_total',
  'doorbells per request': 'penstock_doorbells_total',
};

interface Subject {
  fronts: number;
  gateway: Contender;
}

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock();
  const counts = rig.quick ? FRONTS.quick : FRONTS.full;
  const starts = counts.map(async (fronts): Promise<Subject[]> => {
    const config = { threads: { fronts }, limits: LIMITS, relay: RELAY };
    const gateway = await rig.start('Penstock', mock.url, { config });
    return gateway === null ? [] : [{ fronts, gateway }];
  });
  const subjects = (await Promise.all(starts)).flat();
  if (subjects.length < counts.length) return;
  rig.say('compilers of every front warm up');
  for (const subject of subjects) await warmUp(rig, subject);
  for (const subject of subjects) await measureIdle(rig, subject);
  for (let round = 0; round < rig.rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) await measure(rig, subject, round);
  }
  drawCurve(rig, counts);
  judge(rig, counts);
  await trueScaling(rig, subjects);
}

/** Each front compiles for itself, so eight of them need eight times the requests of one. */
async function warmUp({ quick }: Rig, { gateway, fronts }: Subject): Promise<void> {
  const wanted = fronts * (quick ? WARM_REQUESTS.quick : WARM_REQUESTS.full);
  const endMs = performance.now() + WARM_UP_BOUND_MS;
  for (let asked = 0; asked < wanted && performance.now() < endMs; ) {
    asked += await runClosedLoop(loop(gateway, 1)).catch(() => 0);
  }
}

function loop({ url }: Contender, seconds: number): ClosedLoop {
  return { url, key: KEY, stream: false, bodyBytes: BODY_BYTES, connections: CONNECTIONS, seconds };
}

function caseOf(fronts: number): string {
  return fronts === 1 ? '1 front' : `${fronts} fronts`;
}

async function measure(rig: Rig, { fronts, gateway }: Subject, round: number): Promise<void> {
  rig.say(`round ${round + 1}: ${caseOf(fronts)}`);
  const port = new ControlPort(gateway.penstock!.control, gateway.penstock!.dataDir);
  const request = rawRequest(gateway.url, { key: KEY, bodyBytes: BODY_BYTES, stream: false });
  const pid = gateway.pids()[0]!;
  const metricsBefore = await port.metrics();
  const wholeUs = processMicroseconds([pid]);
  const before = frontTime(threadClocks(pid), fronts);
  // New ones each time: the server closes what was idle for ten seconds.
  const connections = new KeptConnections(gateway.url, CONNECTIONS);
  const load = connections.askSteadily(request, RATE_PER_SECOND, secondsOf(rig, WINDOWS.steady));
  const answered = await load.finally(() => connections.close());
  const spent = since(before, pid, fronts);
  const wholeSpentUs = processMicroseconds([pid]) - wholeUs;
  const metrics = await port.metrics();
  const grown = (name: string): number => (metrics.get(name) ?? 0) - (metricsBefore.get(name) ?? 0);
  const figure = (metric: string, unit: string, value: number): void =>
    rig.measured({ case: caseOf(fronts), contender: 'Penstock', metric, unit, round, value });
  figure(METRIC, 'µs', spent.microseconds / answered.length);
  figure(TURNS, 'count', spent.turns / answered.length);
  figure('CPU per request', 'µs', wholeSpentUs / answered.length);
  for (const [metric, name] of Object.entries(COUNTED)) figure(metric, 'count', grown(name) / answered.length);
  const byFront = Array.from({ length: fronts }, (_, front) =>
    grown(`penstock_front_requests_total{front="${front}"}`),
  );
  figure('connections of the busiest front over the mean', '×', maxOverMean(byFront));
}

function since(before: FrontTime, pid: number, fronts: number): FrontTime {
  const now = frontTime(threadClocks(pid), fronts);
  return { microseconds: now.microseconds - before.microseconds, turns: now.turns - before.turns };
}

/** What a front costs that nobody asks anything, which is in every figure and taken off none. */
async function measureIdle(rig: Rig, { fronts, gateway }: Subject): Promise<void> {
  const pid = gateway.pids()[0]!;
  const seconds = secondsOf(rig, WINDOWS.idle);
  const before = frontTime(threadClocks(pid), fronts);
  await sleep(seconds * 1_000);
  const { microseconds } = since(before, pid, fronts);
  const figure = { case: `${caseOf(fronts)}, idle`, contender: 'Penstock', round: 0 } as const;
  rig.measured({ ...figure, metric: 'CPU of a front a second', unit: 'µs', value: microseconds / fronts / seconds });
}

function drawCurve(rig: Rig, counts: readonly number[]): void {
  const y = counts.map((fronts) => {
    const values = find(rig.measurements, { case: caseOf(fronts), metric: METRIC }, 'Penstock')?.values ?? [];
    return median(values.filter((value) => value !== null));
  });
  const labels = { xLabel: 'fronts', yLabel: `${METRIC}, µs, at ${RATE_PER_SECOND} requests a second` };
  rig.curve({ plot: 'CPU over fronts', contender: 'Penstock', x: [...counts], y, ...labels, xScale: 'log' });
}

function judge(rig: Rig, counts: readonly number[]): void {
  for (const fronts of counts.slice(1)) {
    const ratio = caseRatio(rig, { metric: METRIC, case: caseOf(fronts), base: caseOf(1) });
    const goal = `thread CPU per request with ${fronts} fronts at a fixed load`;
    const turns = caseRatio(rig, { metric: TURNS, case: caseOf(fronts), base: caseOf(1) });
    judgeRatio(rig, ratio, {
      goal,
      bound: `≤ ${RATIO_MAX} × with 1`,
      max: RATIO_MAX,
      why: `fronts share one core here and took ${formatRatio(turns)} × as many turns on it a request`,
    });
  }
}

/** Requests a second over cores: only where each front can have one, and the load others. */
async function trueScaling(rig: Rig, subjects: readonly Subject[]): Promise<void> {
  const goal = { goal: 'fronts scale with cores', bound: 'linear where cores exist' };
  if (CORES < CORES_MIN) {
    rig.skipped('requests per second over cores', `not measured: ${CORES} cores, it takes ${CORES_MIN}`);
    rig.verdict({ ...goal, measured: 'not measured', held: null, why: `${CORES} cores, it takes ${CORES_MIN}` });
    return;
  }
  const fitting = subjects.filter(({ fronts }) => fronts <= CORES / 2);
  const rates: number[] = [];
  for (const { fronts, gateway } of fitting) {
    pinTo(gateway.pids()[0]!, fronts === 1 ? '0' : `0-${fronts - 1}`);
    const seconds = secondsOf(rig, WINDOWS.cores);
    const rate = (await runClosedLoop(loop(gateway, seconds))) / seconds;
    rates.push(rate);
    rig.measured({
      case: `${caseOf(fronts)}, as many cores`,
      contender: 'Penstock',
      metric: 'requests per second',
      unit: '1/s',
      round: 0,
      value: rate,
    });
  }
  const labels = { xLabel: 'fronts, each with a core', yLabel: 'requests per second' };
  const x = fitting.map(({ fronts }) => fronts);
  rig.curve({
    plot: 'Requests per second over fronts',
    contender: 'Penstock',
    x,
    y: rates,
    ...labels,
    xScale: 'linear',
  });
  const share = rates.at(-1)! / rates[0]! / x.at(-1)!;
  rig.verdict({
    ...goal,
    measured: `${x.at(-1)} fronts: ${share.toFixed(2)} of linear; the load runs on one thread and may be the bound`,
    held: null,
    why: 'reported, not judged',
  });
}

export const scaling: Scenario = {
  name: 'scaling',
  title: 'One, two, four and eight fronts',
  about:
    `${RATE_PER_SECOND.toLocaleString('en-US')} JSON requests a second, 1 KB, round ${CONNECTIONS} connections, to gateways with 1, 2, 4 and 8 fronts on the contender's ` +
    "core: CPU time of the fronts' threads per request from the scheduler's account, retries for places and doorbells from /metrics.",
  run,
};
