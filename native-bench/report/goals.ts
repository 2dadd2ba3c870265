/**
 * The goals in numbers, and which verdicts of a run speak of each. Figures are only ever compared with others of the same run. Pure.
 */
import type { Results, Verdict } from './results.ts';

export interface Goal {
  name: string;
  bound: string;
  /** Verdicts whose goal begins with one of these speak of it. */
  verdicts: readonly string[];
  /** What has to be run for it. */
  measuredBy: string;
}

export const GOALS: readonly Goal[] = [
  {
    name: 'CPU per relayed JSON request',
    bound: 'gate: ≤ 1.25 × bare uWebSockets.js + undici forwarder; stretch: ≤ 2.0 × nginx',
    verdicts: ['CPU per relayed JSON request'],
    measuredBy: '--scenario traffic',
  },
  {
    name: 'CPU per relayed SSE event',
    bound: '≤ 1.2 × nginx with buffering off',
    verdicts: ['CPU per relayed SSE event'],
    measuredBy: '--scenario traffic, --scenario protocols',
  },
  {
    name: 'added latency at 1 connection, p50',
    bound: '≤ 1.25 × what nginx adds, JSON and first content event',
    verdicts: ['added latency'],
    measuredBy: '--scenario latency',
  },
  {
    name: 'front thread scaling',
    bound: 'thread CPU per request with 2, 4, 8 fronts ≤ 1.1 × with 1 at a fixed load',
    verdicts: ['front thread scaling', 'thread CPU per request', 'fronts scale'],
    measuredBy: '--scenario scaling',
  },
  {
    name: 'cost of choosing an account',
    bound: '≤ 20 µs among 1,000, ≤ 200 µs among 10,000, no allocation; request CPU with 1,000 ≤ 1.15 × with 10',
    verdicts: ['cost of choosing an account', 'CPU of a whole request with 1,000 accounts'],
    measuredBy: '--scenario accounts; native-bench/micro/choose.ts',
  },
  {
    name: 'memory per open stream',
    bound: '≤ 25 KiB at 1,000 and 10,000',
    verdicts: ['memory per open stream'],
    measuredBy: '--scenario streams',
  },
  {
    name: 'SQL statements on a warm request path',
    bound: '0',
    verdicts: ['SQL statements on a warm request path'],
    measuredBy: '--scenario users',
  },
  {
    name: 'Redis round trips before the upstream is contacted',
    bound: '≤ 1',
    verdicts: ['Redis round trips'],
    measuredBy: 'a Redis mode, which coordination does not have yet',
  },
  {
    name: 'usage rows lost or doubled',
    bound: '0',
    verdicts: ['usage rows lost or doubled'],
    measuredBy: '--scenario database, --scenario soak',
  },
  {
    name: 'cold start to the first relayed byte',
    bound: '≤ 2 × initdb + pg_ctl start alone',
    verdicts: ['cold start'],
    measuredBy: '--scenario cold-start',
  },
];

export interface JudgedVerdict extends Verdict {
  scenario: string;
}

export interface JudgedGoal {
  goal: Goal;
  /** Empty: nothing of it was measured in this run. */
  verdicts: readonly JudgedVerdict[];
}

export function judgeGoals({ scenarios }: Results): JudgedGoal[] {
  const all = allVerdicts(scenarios);
  return GOALS.map((goal) => ({ goal, verdicts: all.filter((verdict) => speaksOf(verdict, goal)) }));
}

/** Verdicts that are no goal of the table: further promises of single scenarios. */
export function furtherVerdicts({ scenarios }: Results): JudgedVerdict[] {
  return allVerdicts(scenarios).filter((verdict) => !GOALS.some((goal) => speaksOf(verdict, goal)));
}

function allVerdicts(scenarios: Results['scenarios']): JudgedVerdict[] {
  return scenarios.flatMap(({ name, verdicts }) => verdicts.map((verdict) => ({ ...verdict, scenario: name })));
}

function speaksOf(verdict: Verdict, { verdicts }: Goal): boolean {
  const said = verdict.goal.toLowerCase();
  return verdicts.some((start) => said.startsWith(start.toLowerCase()));
}

export function heldText(held: boolean | null): string {
  return held === null ? 'not measured' : held ? 'held' : '**not held**';
}
