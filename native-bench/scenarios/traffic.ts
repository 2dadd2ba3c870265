/**
 * Ordinary traffic: CPU time of one request and of one event, at several numbers of connections and sizes of body. The core of the
 * bench, and the two goals on CPU.
 */
import { runAutocannon, runClosedLoop } from '../load/closed-loop.ts';
import { runStreams } from '../load/streams.ts';
import { resident } from '../memory/resident.ts';
import { KEY } from '../peers/penstock.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { alternate, type Runner, startAll } from '../rig/rounds.ts';
import { systemCalls } from '../rig/system-calls.ts';
import { busiestThreads } from '../rig/thread-shares.ts';
import { ratioVerdict } from './ratio-verdict.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';

const KIB = 1024;

interface JsonCase {
  name: string;
  connections: number;
  bodyBytes: number;
  /** Slow peers are measured at the core case alone. */
  contenders: readonly ContenderName[];
}

const OURS: readonly ContenderName[] = ['Penstock', 'before', 'uWS forwarder', 'nginx'];
const ALL: readonly ContenderName[] = [...OURS, 'HAProxy', 'http forwarder', 'Portkey'];

const CORE: JsonCase = { name: 'JSON 1 KB, 64 connections', connections: 64, bodyBytes: KIB, contenders: ALL };
const CASES: readonly JsonCase[] = [
  CORE,
  { name: 'JSON 1 KB, 1 connection', connections: 1, bodyBytes: KIB, contenders: OURS },
  { name: 'JSON 1 KB, 1,000 connections', connections: 1_000, bodyBytes: KIB, contenders: OURS },
  { name: 'JSON 10 KB, 64 connections', connections: 64, bodyBytes: 10 * KIB, contenders: OURS },
  { name: 'JSON 100 KB, 64 connections', connections: 64, bodyBytes: 100 * KIB, contenders: OURS },
  { name: 'JSON 1 MB, 16 connections', connections: 16, bodyBytes: KIB * KIB, contenders: OURS },
];
const SSE_CASE = 'SSE, 200 streams';
const SSE_QUICK_STREAMS = 100;
const EVENTS = { quick: 100, full: 500 };

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock({ events: rig.quick ? EVENTS.quick : EVENTS.full, paceMs: 10 });
  const runners = await startAll(rig, ALL, mock.url);
  const cases = rig.quick ? [CORE] : CASES;
  for (const one of cases) await jsonCase(rig, one, runners);
  await sseCase(rig, runners);
  await counts(rig, runners);
  await crossCheck(rig, runners);
  judge(rig);
}

async function jsonCase(rig: Rig, one: JsonCase, all: readonly Runner[]): Promise<void> {
  const runners = all.filter(({ name }) => one.contenders.includes(name));
  rig.say(one.name);
  const load = ({ contender }: Runner, seconds: number): Promise<number> =>
    runClosedLoop({ ...one, url: contender.url, key: KEY, stream: false, headers: contender.headers, seconds });
  for (const runner of runners) await load(runner, warmUpSeconds(rig, one, runner.name)).catch(() => {});
  await alternate(rig, runners, async (runner, round) => {
    const cost = await cpuOf(runner.contender, () => load(runner, rig.quick ? 1 : 4));
    const place = { case: one.name, contender: runner.name, round };
    rig.measured({ ...place, metric: 'CPU per request', unit: 'µs', value: cost.totalUs });
    rig.measured({ ...place, metric: 'of it system', unit: 'µs', value: cost.systemUs });
    rig.measured({ ...place, metric: 'requests per second', unit: '1/s', value: cost.units / cost.seconds });
    const bytes = runner.contender.pids().reduce((sum, pid) => sum + resident(pid).nowBytes, 0);
    rig.measured({ ...place, metric: 'RSS', unit: 'MiB', value: bytes / KIB / KIB });
    if (cost.behindUs > 0) rig.measured({ ...place, metric: 'CPU of PostgreSQL', unit: 'µs', value: cost.behindUs });
  });
}

/** Until the compilers of the JavaScript ones have done most of their work: on one core that takes seconds. */
function warmUpSeconds(rig: Rig, one: JsonCase, name: ContenderName): number {
  if (name === 'nginx' || name === 'HAProxy') return 1;
  if (one !== CORE) return 2;
  return rig.quick ? 4 : 8;
}

async function sseCase(rig: Rig, runners: readonly Runner[]): Promise<void> {
  rig.say(SSE_CASE);
  const streams = rig.quick ? SSE_QUICK_STREAMS : 200;
  const shape = { key: KEY, bodyBytes: KIB, stream: true };
  for (const { contender } of runners) await runStreams(contender.url, shape, 10, contender.headers).catch(() => {});
  await alternate(rig, runners, async ({ name, contender }, round) => {
    const cost = await cpuOf(contender, () => runStreams(contender.url, shape, streams, contender.headers));
    const place = { case: SSE_CASE, contender: name, round };
    rig.measured({ ...place, metric: 'CPU per event', unit: 'µs', value: cost.totalUs });
    rig.measured({ ...place, metric: 'of it system', unit: 'µs', value: cost.systemUs });
  });
}

/** Beside the timed rounds: what takes the time. */
async function counts(rig: Rig, runners: readonly Runner[]): Promise<void> {
  const seconds = rig.quick ? 1 : 2;
  for (const { name, contender } of runners) {
    const load = (): Promise<number> =>
      runClosedLoop({ ...CORE, url: contender.url, key: KEY, stream: false, headers: contender.headers, seconds });
    if (name === 'Penstock') {
      for (const line of await busiestThreads(contender.pids()[0]!, load)) rig.note(`Penstock, ${CORE.name}: ${line}`);
    }
    const place = { case: CORE.name, contender: name, round: 0 };
    const calls = await systemCalls(contender.pids(), load);
    if (typeof calls === 'string') rig.skipped('system calls per request', calls);
    else rig.measured({ ...place, metric: 'system calls per request', unit: 'count', value: calls });
  }
}

/** The other load generator must tell the same story, or one of them is the story. */
async function crossCheck(rig: Rig, runners: readonly Runner[]): Promise<void> {
  for (const { name, contender } of runners.filter(({ name }) => name === 'Penstock' || name === 'uWS forwarder')) {
    const { headers, url } = contender;
    const loop = { ...CORE, url, key: KEY, stream: false, headers, seconds: rig.quick ? 1 : 4 };
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
  const sse = { case: SSE_CASE, metric: 'CPU per event' };
  ratioVerdict(rig, { goal: 'CPU per relayed SSE event', place: sse, base: 'nginx', max: 1.2, kind: 'goal' });
}

export const traffic: Scenario = {
  name: 'traffic',
  title: 'Ordinary traffic',
  about:
    'JSON in closed loops (wrk) and paced SSE. CPU time of the contender per request and per event, all its threads included; PostgreSQL, which works behind Penstock, is shown beside it.',
  run,
};
