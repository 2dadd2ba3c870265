/** Ordinary traffic as cases: JSON in a closed loop and paced SSE, each contender once a round, its CPU time taken. */
import { type ClosedLoop, hasWrk, runClosedLoop } from '../load/closed-loop.ts';
import { runStreams } from '../load/streams.ts';
import { KEY } from '../peers/penstock.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { residentBytes } from '../rig/resident-peak.ts';
import { alternate, type Runner } from '../rig/rounds.ts';
import type { Rig } from './scenario.ts';

const KIB = 1024;
const MIB = KIB * KIB;
const WARM_UP_STREAMS = 10;

export interface JsonCase {
  name: string;
  connections: number;
  bodyBytes: number;
}

export interface SseCase {
  name: string;
  streams: number;
}

/** Compilers have done most of their work after so many requests, which takes longer on a busy machine; no longer than the bound. */
export interface WarmUp {
  requests: number;
  secondsMax: number;
}

/** One contender under the load of a case: its loop for `runClosedLoop` and `runAutocannon`. */
export function jsonLoop({ contender }: Runner, { connections, bodyBytes }: JsonCase, seconds: number): ClosedLoop {
  const { url, headers } = contender;
  return { url, headers, connections, bodyBytes, key: KEY, stream: false, seconds };
}

export async function jsonCase(
  rig: Rig,
  one: JsonCase,
  runners: readonly Runner[],
  { seconds, warmUpOf }: { seconds: number; warmUpOf: (runner: Runner) => WarmUp },
): Promise<void> {
  rig.say(one.name);
  if (!hasWrk) rig.skipped('load by wrk', 'it is not installed; autocannon, which costs more, takes its place');
  for (const runner of runners) await warmUp(runner, one, warmUpOf(runner));
  await alternate(rig, runners, async (runner, round) => {
    const { name, contender } = runner;
    const cost = await cpuOf(contender, () => runClosedLoop(jsonLoop(runner, one, seconds)));
    const place = { case: one.name, contender: name, round };
    rig.measured({ ...place, metric: 'CPU per request', unit: 'µs', value: cost.totalUs });
    rig.measured({ ...place, metric: 'of it system', unit: 'µs', value: cost.systemUs });
    rig.measured({ ...place, metric: 'requests per second', unit: '1/s', value: cost.units / cost.seconds });
    rig.measured({ ...place, metric: 'RSS', unit: 'MiB', value: residentBytes(contender.pids()).nowBytes / MIB });
    if (cost.behindUs > 0) rig.measured({ ...place, metric: 'CPU of PostgreSQL', unit: 'µs', value: cost.behindUs });
  });
}

async function warmUp(runner: Runner, one: JsonCase, { requests, secondsMax }: WarmUp): Promise<void> {
  let left = requests;
  for (let i = 0; i < secondsMax && left > 0; i++) {
    left -= await runClosedLoop(jsonLoop(runner, one, 1)).catch(() => 0);
  }
}

/** Paces and counts of events are the mock's. */
export async function sseCase(rig: Rig, one: SseCase, runners: readonly Runner[]): Promise<void> {
  rig.say(one.name);
  const shape = { key: KEY, bodyBytes: KIB, stream: true };
  const load = ({ contender }: Runner, streams: number): Promise<number> =>
    runStreams(contender.url, shape, streams, contender.headers);
  for (const runner of runners) await load(runner, WARM_UP_STREAMS).catch(() => {});
  await alternate(rig, runners, async (runner, round) => {
    const cost = await cpuOf(runner.contender, () => load(runner, one.streams));
    const place = { case: one.name, contender: runner.name, round };
    rig.measured({ ...place, metric: 'CPU per event', unit: 'µs', value: cost.totalUs });
    rig.measured({ ...place, metric: 'of it system', unit: 'µs', value: cost.systemUs });
  });
}
