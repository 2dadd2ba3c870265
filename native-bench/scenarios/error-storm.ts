/**
 * The error storm: large bodies before an upstream that answers half of them 529 and resets a tenth of the rest. What failing costs, what
 * it leaves in memory, and whether every client got an answer that it can tell apart from a whole one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readMetrics } from '../../test/support/metrics.ts';
import { type Judged, judgedLoop, nothingJudged } from '../load/judged-loop.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { resetPeak, residentBytes } from '../rig/resident-peak.ts';
import { alternate, type Runner, startAll } from '../rig/rounds.ts';
import { leftOpen } from '../soak/watch.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS['error-storm'];
const MIB = 1024 * 1024;
const FAULTS = { overloaded: 0.5, resetBeforeHead: 0.1, resetInBody: 0.1 };
const STREAMS = { events: 10, paceMs: 2 };
const LOAD = { key: KEY, bodyBytes: MIB, connections: 16, streamEvery: 4 };
/** Each 529 rests one account for the shortest time there is; so many are needed for one to be always at hand. */
const ACCOUNTS = 500;
const REST = { overloadedMs: 100, errorMs: 10, errorsBeforeRest: 1_000 };

interface StormCase {
  name: string;
  /** Accounts that Penstock tries for one exchange. */
  attempts: number;
  contenders: readonly ContenderName[];
}

const CASES: readonly StormCase[] = [
  {
    name: '1 MB bodies, faults passed on',
    attempts: 1,
    contenders: ['Penstock', 'before', 'uWS forwarder', 'nginx', 'HAProxy'],
  },
  { name: '1 MB bodies, three accounts tried', attempts: 3, contenders: ['Penstock', 'before'] },
];

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock({ ...FAULTS, ...STREAMS });
  // The second case starts Penstock anew.
  for (const one of rig.quick ? CASES.slice(0, 1) : CASES) {
    const config = {
      catalog: catalog(mock.url),
      rest: REST,
      relay: { attempts: one.attempts },
      log: { level: 'error' },
    };
    const names = rig.quick ? one.contenders.filter((name) => name !== 'HAProxy') : one.contenders;
    const runners = await startAll(rig, names, mock.url, { config });
    await storm(rig, one, runners);
    for (const { contender } of runners) await contender.stop();
  }
}

function catalog(upstream: string): object {
  const account = { platform: 'anthropic', type: 'apikey', baseUrl: upstream, apiKey: 'sk-up', groups: ['main'] };
  return {
    groups: [{ name: 'main' }],
    accounts: Array.from({ length: ACCOUNTS }, (_, i) => ({ ...account, name: `mock-${i}`, concurrency: 1_000 })),
    users: [{ name: 'bench', balanceUsd: 1_000_000, concurrency: 1_000 }],
    keys: [{ user: 'bench', group: 'main', key: KEY }],
  };
}

async function storm(rig: Rig, one: StormCase, runners: readonly Runner[]): Promise<void> {
  rig.say(one.name);
  const counts = new Map<ContenderName, Judged>();
  for (const { name, contender } of runners) {
    await judgedLoop({ ...LOAD, url: contender.url, seconds: secondsOf(rig, WINDOWS.warmUp) }, nothingJudged());
    counts.set(name, nothingJudged());
  }
  await alternate(rig, runners, async (runner, round) => {
    await stormRound(rig, one, runner, round, counts.get(runner.name)!);
  });
  for (const { name, contender } of runners) await judgeContender(rig, one, name, contender, counts.get(name)!);
}

async function stormRound(rig: Rig, one: StormCase, runner: Runner, round: number, judged: Judged): Promise<void> {
  const { name, contender } = runner;
  const figure = (metric: string, unit: string, value: number): void =>
    rig.measured({ case: one.name, contender: name, round, metric, unit, value });
  const isPeakOfRound = resetPeak(contender.pids());
  const loop = { ...LOAD, url: contender.url, seconds: secondsOf(rig, WINDOWS.storm) };
  const cost = await cpuOf(contender, () => judgedLoop(loop, judged));
  figure('CPU per request', 'µs', cost.totalUs);
  figure('of it system', 'µs', cost.systemUs);
  figure('requests per second', '1/s', cost.units / cost.seconds);
  if (isPeakOfRound) figure('RSS peak', 'MiB', residentBytes(contender.pids()).peakBytes / MIB);
  else rig.skipped('RSS peak', 'the kernel does not set it back');
  await sleep(secondsOf(rig, WINDOWS.quiet) * 1_000);
  figure('RSS', 'MiB', residentBytes(contender.pids()).nowBytes / MIB);
}

/** What the clients got is in the results for all; that it must be right is asked of Penstock. */
async function judgeContender(
  rig: Rig,
  one: StormCase,
  name: ContenderName,
  { penstock }: Contender,
  judged: Judged,
): Promise<void> {
  const { answers, whole, broken, refused, unanswered, hung } = judged;
  const wrong = Object.values(judged.wrong).reduce((sum, count) => sum + count, 0);
  const share = (count: number): string => `${((count / answers) * 100).toFixed(1)} %`;
  const statuses = Object.entries(refused).map(([status, count]) => `${status}: ${share(count)}`);
  const seen = `whole ${share(whole)}, broken ${share(broken)}, ${statuses.join(', ')}, no answer ${share(unanswered)}`;
  rig.note(`${one.name}, ${name}: ${answers} requests: ${seen}; ${hung} hung, ${wrong} wrong`);
  rig.measured({
    case: one.name,
    contender: name,
    metric: 'answered whole',
    unit: '%',
    round: 0,
    value: (whole / answers) * 100,
  });
  if (name !== 'Penstock') return;
  rig.verdict({
    goal: 'answers in an error storm that no client should get',
    bound: '0 hung, 0 parts that look whole, 0 without an answer',
    measured: `${one.name}: ${hung} hung, ${wrong} wrong, ${unanswered} unanswered of ${answers}`,
    held: answers > 0 && hung + wrong + unanswered === 0,
    why: hung + wrong + unanswered === 0 ? '' : JSON.stringify(judged.wrong),
  });
  const { control, gatewayPid } = penstock!;
  const left = await leftOpen({ gatewayPid, metrics: () => readMetrics(control) }, Number.POSITIVE_INFINITY);
  rig.verdict({
    goal: 'places, bytes and exchanges held after an error storm',
    bound: '0',
    measured: `${one.name}: ${left.length === 0 ? '0' : left.join('; ')}`,
    held: left.length === 0,
    why: left.length === 0 ? '' : 'something was not given back',
  });
}

export const errorStorm: Scenario = {
  name: 'error-storm',
  title: 'Error storm',
  about:
    'Bodies of 1 MB on 16 connections, a quarter of them for streams; the upstream answers half of them 529 and resets a tenth of the rest before and a tenth within the answer. CPU per request, memory, and every answer read to its end and judged.',
  run,
};
