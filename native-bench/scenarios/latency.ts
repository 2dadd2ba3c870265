/**
 * Added latency: what a contender puts on top of the mock's own answer, at one connection (the goal) and at constant rates (the curves).
 * Every contender's figure has the mock's own, taken right before it, as its pair.
 */
import { runClosedLoop } from '../load/closed-loop.ts';
import { at, type LatencySummary } from '../load/latencies.ts';
import type { OpenLoopResult } from '../load/open-loop-options.ts';
import { type OpenLoopAsk, runOpenLoopTwice } from '../load/run-open-loop.ts';
import { KEY } from '../peers/penstock.ts';
import { median } from '../report/ratios.ts';
import { alternate, type Runner, startAll } from '../rig/rounds.ts';
import { ratioVerdict } from './ratio-verdict.ts';
import type { ContenderName, Figure, Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf, type Window } from './windows.ts';

const { windows: WINDOWS } = PLANS.latency;
const QUICK: readonly ContenderName[] = ['Penstock', 'before', 'nginx'];
const ALL: readonly ContenderName[] = [...QUICK, 'uWS forwarder', 'HAProxy', 'http forwarder', 'Portkey'];

/** Pairs below which a median is no verdict, and samples below which a p99 is a guess. */
const ROUNDS_MIN = { quick: 2, full: 7 };
const SAMPLES_MIN = 20_000;
const RATE = 200;
/** Beyond it driver and mock, which share a core, would be what is measured. */
const RATE_MAX = 2_000;

interface Kind {
  /** As cases begin. */
  name: string;
  stream: boolean;
  /** One round at one connection. */
  window: Window;
  timed(result: OpenLoopResult): LatencySummary;
}

const KINDS: readonly Kind[] = [
  { name: 'JSON 1 KB', stream: false, window: WINDOWS.json, timed: ({ total }) => total },
  { name: 'first content event', stream: true, window: WINDOWS.firstEvent, timed: ({ first }) => first },
];

type Timed = Map<Figure['contender'], LatencySummary[]>;

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock({ events: 1, paceMs: 0, firstEventAtOnce: true });
  const runners = await startAll(rig, rig.quick ? QUICK : ALL, mock.url);
  for (const runner of runners) await warmUp(rig, runner);
  for (const kind of KINDS) await oneConnection(rig, kind, runners, mock.url);
  await atRate(rig, RATE, runners, mock.url);
  if (!rig.quick) {
    const half = Math.round((await slowestSustains(rig, runners)) / 2);
    await atRate(rig, Math.min(RATE_MAX, half), runners, mock.url);
  }
  for (const kind of KINDS) {
    ratioVerdict(rig, {
      goal: `added latency at 1 connection, p50, ${kind.name}`,
      place: { case: oneCase(kind), metric: 'p50 added' },
      base: 'nginx',
      max: 1.25,
      kind: 'goal',
    });
  }
}

/** Compilers need thousands of requests, which one connection takes too long for. */
async function warmUp(rig: Rig, { name, contender }: Runner): Promise<void> {
  const native = name === 'nginx' || name === 'HAProxy';
  const seconds = native ? 1 : secondsOf(rig, WINDOWS.warmUp);
  const loop = { url: contender.url, key: KEY, headers: contender.headers, bodyBytes: 1024, connections: 32, seconds };
  await runClosedLoop({ ...loop, stream: false }).catch((error: Error) =>
    rig.note(`warming up ${name}: ${error.message}`),
  );
}

function ask(kind: Kind, url: string, headers: Record<string, string> = {}): OpenLoopAsk {
  return { url, headers, keys: [KEY], bodyBytes: 1024, stream: kind.stream, events: 1 };
}

function oneCase({ name }: Kind): string {
  return `${name}, 1 connection`;
}

async function oneConnection(rig: Rig, kind: Kind, runners: readonly Runner[], mock: string): Promise<void> {
  const place = oneCase(kind);
  rig.say(place);
  const seconds = secondsOf(rig, kind.window);
  const rounds = Math.max(rig.rounds, rig.quick ? ROUNDS_MIN.quick : ROUNDS_MIN.full);
  const one = {
    ratePerSecond: null,
    connectionsMax: 1,
    seconds,
    warmUpSeconds: secondsOf(rig, WINDOWS.openLoopWarmUp),
  };
  const time = async (url: string, headers?: Record<string, string>): Promise<LatencySummary> =>
    kind.timed(await runOpenLoopTwice({ ...ask(kind, url, headers), ...one }));
  const all: Timed = new Map();
  const directs: number[][] = [];
  await alternate(
    rig,
    runners,
    async ({ name, contender }, round) => {
      const direct = await time(mock);
      const through = await time(contender.url, contender.headers);
      keep(all, 'direct', direct);
      keep(all, name, through);
      const ofRound = [...(directs[round] ?? []), at(direct, 50)];
      directs[round] = ofRound;
      rig.measured({
        case: place,
        contender: 'direct',
        metric: 'p50',
        unit: 'µs',
        round,
        value: median(ofRound),
      });
      const figure = { case: place, contender: name, unit: 'µs', round };
      rig.measured({ ...figure, metric: 'p50', value: at(through, 50) });
      rig.measured({ ...figure, metric: 'p50 added', value: at(through, 50) - at(direct, 50) });
      rig.measured({ ...figure, metric: 'p99', value: at(through, 99) });
    },
    rounds,
  );
  noteSamples(rig, place, all);
  for (const [name, summaries] of all) draw(rig, place, name, middle(summaries));
}

function keep(all: Timed, name: Figure['contender'], summary: LatencySummary): void {
  const before = all.get(name);
  if (before === undefined) all.set(name, [summary]);
  else before.push(summary);
}

/** The round whose median is the median. */
function middle(summaries: readonly LatencySummary[]): LatencySummary {
  return summaries.toSorted((a, b) => at(a, 50) - at(b, 50))[summaries.length >> 1]!;
}

function noteSamples(rig: Rig, place: string, all: Timed): void {
  const counts = [...all].map(([name, ones]) => ({ name, count: ones.reduce((sum, { count }) => sum + count, 0) }));
  const fewest = counts.reduce((least, one) => (one.count < least.count ? one : least), {
    name: 'nobody',
    count: Infinity,
  });
  const enough = fewest.count >= SAMPLES_MIN ? '' : `; a p99 that holds needs ${SAMPLES_MIN}`;
  rig.note(`${place}: p99 of each round, over all rounds at least ${fewest.count} samples (${fewest.name})${enough}`);
}

/** All contenders at one constant rate; latency counts from when each request was due. */
async function atRate(rig: Rig, rate: number, runners: readonly Runner[], mock: string): Promise<void> {
  const seconds = secondsOf(rig, WINDOWS.atRate);
  const warmUpSeconds = secondsOf(rig, WINDOWS.atRateWarmUp);
  const open = { ratePerSecond: rate, connectionsMax: 256, seconds, warmUpSeconds };
  for (const kind of KINDS) {
    const place = `${kind.name}, ${rate} a second`;
    rig.say(place);
    const take = async (name: Figure['contender'], url: string, headers?: Record<string, string>): Promise<void> => {
      const timed = kind.timed(await runOpenLoopTwice({ ...ask(kind, url, headers), ...open }));
      rig.measured({ case: place, contender: name, metric: 'p50', unit: 'µs', round: 0, value: at(timed, 50) });
      rig.measured({ case: place, contender: name, metric: 'p99', unit: 'µs', round: 0, value: at(timed, 99) });
      draw(rig, place, name, timed);
    };
    const leftOut = (name: string) => (error: Error) => rig.skipped(`${name}, ${place}`, error.message);
    await take('direct', mock).catch(leftOut('direct'));
    for (const { name, contender } of runners) {
      await take(name, contender.url, contender.headers).catch(leftOut(name));
    }
  }
}

async function slowestSustains(rig: Rig, runners: readonly Runner[]): Promise<number> {
  const sustained: number[] = [];
  for (const { name, contender } of runners) {
    const loop = { url: contender.url, key: KEY, headers: contender.headers, bodyBytes: 1024, stream: false };
    const seconds = secondsOf(rig, WINDOWS.sustained);
    const perSecond = (await runClosedLoop({ ...loop, connections: 64, seconds })) / seconds;
    rig.note(`${name} sustains ${Math.round(perSecond)} JSON requests a second`);
    sustained.push(perSecond);
  }
  return Math.min(...sustained);
}

function draw(rig: Rig, plot: string, contender: string, { points }: LatencySummary): void {
  rig.curve({
    plot: `latency, ${plot}`,
    contender,
    x: points.map(([, us]) => us),
    y: points.map(([percentile]) => percentile),
    xLabel: 'latency, µs',
    yLabel: 'answered by then, %',
    xScale: 'log',
  });
}

export const latency: Scenario = {
  name: 'latency',
  title: 'Added latency',
  about:
    'One request at a time: p50 beyond that of the mock alone, pair by pair. Then constant rates by an open-loop driver that times each request from when it was due: curves of JSON answers and of first content events.',
  run,
};
