/**
 * Ordinary traffic: CPU time of one request and of one event, at several numbers of connections and sizes of body. The core of the
 * bench, and the two goals on CPU.
 */
import { runAutocannon, runClosedLoop } from '../load/closed-loop.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { type Runner, startAll } from '../rig/rounds.ts';
import { RuntimeProbe } from '../rig/runtime-figures.ts';
import { systemCalls } from '../rig/system-calls.ts';
import { busiestThreads } from '../rig/thread-shares.ts';
import { ratioVerdict } from './ratio-verdict.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { type JsonCase, jsonCase, jsonLoop, sseCase, type WarmUp } from './traffic-cases.ts';
import { PLANS, secondsOf, type Window } from './windows.ts';

const { windows: WINDOWS } = PLANS.traffic;
const KIB = 1024;

interface TrafficCase extends JsonCase {
  /** Slow peers are measured at the core case alone. */
  contenders: readonly ContenderName[];
}

const OURS: readonly ContenderName[] = ['Penstock', 'before', 'uWS forwarder', 'nginx'];
const ALL: readonly ContenderName[] = [...OURS, 'HAProxy', 'http forwarder', 'Portkey'];

const CORE: TrafficCase = { name: 'JSON 1 KB, 64 connections', connections: 64, bodyBytes: KIB, contenders: ALL };
const CASES: readonly TrafficCase[] = [
  CORE,
  { name: 'JSON 1 KB, 1 connection', connections: 1, bodyBytes: KIB, contenders: OURS },
  { name: 'JSON 1 KB, 1,000 connections', connections: 1_000, bodyBytes: KIB, contenders: OURS },
  { name: 'JSON 10 KB, 64 connections', connections: 64, bodyBytes: 10 * KIB, contenders: OURS },
  { name: 'JSON 100 KB, 64 connections', connections: 64, bodyBytes: 100 * KIB, contenders: OURS },
  { name: 'JSON 1 MB, 16 connections', connections: 16, bodyBytes: KIB * KIB, contenders: OURS },
];
const SSE = { name: 'SSE, 200 streams', streams: 200 };
const PACE_MS = 10;

async function run(rig: Rig): Promise<void> {
  const events = (secondsOf(rig, WINDOWS.streams) * 1_000) / PACE_MS;
  const mock = await rig.mock({ events, paceMs: PACE_MS });
  const probe = new RuntimeProbe();
  rig.ends(() => probe.remove());
  const runners = await probe.over(() => startAll(rig, ALL, mock.url));
  const cases = rig.quick ? [CORE] : CASES;
  for (const one of cases) {
    const takingPart = runners.filter(({ name }) => one.contenders.includes(name));
    await jsonCase(rig, one, takingPart, {
      seconds: secondsOf(rig, WINDOWS.json),
      warmUpOf: ({ name }) => warmUpOf(rig, one, name),
    });
  }
  await sseCase(rig, SSE, runners);
  await counts(rig, runners);
  await runtimes(rig, runners, probe);
  await crossCheck(rig, runners);
  judge(rig);
}

/** Each case after the core one warms up what is new to it alone. */
function warmUpOf(rig: Rig, one: TrafficCase, name: ContenderName): WarmUp {
  if (name === 'nginx' || name === 'HAProxy') return { requests: 1, secondsMax: secondsOf(rig, WINDOWS.nativeWarmUp) };
  if (one !== CORE) return { requests: 10_000, secondsMax: secondsOf(rig, WINDOWS.laterWarmUp) };
  return { requests: rig.quick ? 20_000 : 100_000, secondsMax: secondsOf(rig, WINDOWS.warmUp) };
}

/** Beside the timed rounds: what takes the time. */
async function counts(rig: Rig, runners: readonly Runner[]): Promise<void> {
  for (const runner of runners) {
    const { name, contender } = runner;
    const load =
      (window: Window): (() => Promise<number>) =>
      () =>
        runClosedLoop(jsonLoop(runner, CORE, secondsOf(rig, window)));
    if (name === 'Penstock') {
      for (const line of await busiestThreads(contender.pids()[0]!, load(WINDOWS.busiestThreads))) {
        rig.note(`Penstock, ${CORE.name}: ${line}`);
      }
    }
    const place = { case: CORE.name, contender: name, round: 0 };
    const calls = await systemCalls(contender.pids(), load(WINDOWS.systemCalls));
    if (typeof calls === 'string') rig.skipped('system calls per request', calls);
    else rig.measured({ ...place, metric: 'system calls per request', unit: 'count', value: calls });
  }
}

/** Of those that run on Node: what their collectors take, and how late the turns of their event loops are. */
async function runtimes(rig: Rig, runners: readonly Runner[], probe: RuntimeProbe): Promise<void> {
  for (const runner of runners) {
    const pids = runner.contender.pids();
    const before = probe.read(pids);
    if (before === null) continue;
    const requests = await runClosedLoop(jsonLoop(runner, CORE, secondsOf(rig, WINDOWS.runtimes)));
    const { gcMs, loopP99Ms } = probe.read(pids)!;
    const place = { case: CORE.name, contender: runner.name, round: 0 };
    const gcUs = ((gcMs - before.gcMs) * 1000) / requests;
    rig.measured({ ...place, metric: 'pauses of collectors per request', unit: 'µs', value: gcUs });
    rig.measured({ ...place, metric: 'event-loop delay, p99 of the worst thread', unit: 'ms', value: loopP99Ms });
  }
}

/** The other load generator must tell the same story, or one of them is the story. */
async function crossCheck(rig: Rig, runners: readonly Runner[]): Promise<void> {
  for (const runner of runners.filter(({ name }) => name === 'Penstock' || name === 'uWS forwarder')) {
    const { name, contender } = runner;
    const loop = jsonLoop(runner, CORE, secondsOf(rig, WINDOWS.crossCheck));
    const cost = await cpuOf(contender, async () => (await runAutocannon(loop)).requests);
    const place = { case: `${CORE.name}, autocannon`, contender: name, round: 0 };
    rig.measured({ ...place, metric: 'CPU per request', unit: 'µs', value: cost.totalUs });
  }
}

function judge(rig: Rig): void {
  const json = { case: CORE.name, metric: 'CPU per request' };
  ratioVerdict(rig, {
    goal: 'CPU per relayed JSON request',
    place: json,
    base: 'uWS forwarder',
    max: 1.25,
    kind: 'gate',
  });
  ratioVerdict(rig, { goal: 'CPU per relayed JSON request', place: json, base: 'nginx', max: 2, kind: 'stretch' });
  const sse = { case: SSE.name, metric: 'CPU per event' };
  ratioVerdict(rig, { goal: 'CPU per relayed SSE event', place: sse, base: 'nginx', max: 1.2, kind: 'goal' });
}

export const traffic: Scenario = {
  name: 'traffic',
  title: 'Ordinary traffic',
  about:
    'JSON in closed loops (wrk) and paced SSE. CPU time of the contender per request and per event, all its threads included; PostgreSQL, which works behind Penstock, is shown beside it.',
  run,
};
