/**
 * What an event costs in each protocol: paced streams through Penstock, and through nginx and the bare forwarder, which do not know what they
 * relay; and beside them what Penstock's metering takes of it.
 */
import { countStreams } from '../load/counted-streams.ts';
import { eventsOf, rawStreamRequest, STREAM_REQUESTS, type StreamRequest } from '../load/stream-requests.ts';
import { KEY } from '../peers/penstock.ts';
import { find } from '../report/ratios.ts';
import { alternate, type Runner, startAll } from '../rig/rounds.ts';
import { processMicroseconds } from '../rig/thread-clock.ts';
import { ratioVerdict } from './ratio-verdict.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { tapAlone } from './tap-alone.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.protocols;
const CONTENDERS: readonly ContenderName[] = ['Penstock', 'before', 'nginx', 'uWS forwarder'];
const FORWARDER: ContenderName = 'uWS forwarder';
const METRIC = 'CPU per event';
const BODY_BYTES = 1024;
const TAP_NOTE =
  'tap alone: fed from memory with the bytes that the mock streams, an event a chunk; in Chat whose usage nobody asked for, together with the filter that takes out what Penstock asked for';
/** 20,000 events a second, as in ordinary traffic; few streams, so that even in a short window an event's share of a request is small. */
const STREAMS = 50;
const PACE_MS = 2.5;
/** Beyond the time that the events take. */
const GRACE_MS = 20_000;

export interface ProtocolLoad {
  /** At once. */
  streams: number;
  /** Of each, between its opening and its end. */
  events: number;
  /** Through the tap alone, a round. */
  tapEvents: number;
}

function run(rig: Rig): Promise<void> {
  const events = (secondsOf(rig, WINDOWS.streams) * 1_000) / PACE_MS;
  return measureProtocols(rig, { streams: STREAMS, events, tapEvents: rig.quick ? 50_000 : 500_000 });
}

export async function measureProtocols(rig: Rig, load: ProtocolLoad): Promise<void> {
  const mock = await rig.mock({ events: load.events, paceMs: PACE_MS });
  const config = { catalog: catalog(mock.url, load.streams) };
  const runners = await startAll(rig, CONTENDERS, mock.url, { config });
  await warmUp(rig, runners, load);
  for (const request of STREAM_REQUESTS) {
    rig.say(request.name);
    await alternate(rig, runners, async (runner, round) => {
      const pids = runner.contender.pids();
      const beforeUs = processMicroseconds(pids);
      const events = await stream(runner, request, load);
      const value = (processMicroseconds(pids) - beforeUs) / events;
      rig.measured({ case: request.name, contender: runner.name, metric: METRIC, unit: 'µs', round, value });
    });
  }
  rig.say('tap alone');
  for (const request of STREAM_REQUESTS) tapAlone(request, load.events, load.tapEvents);
  for (const request of STREAM_REQUESTS) metering(rig, request, load);
  rig.note(TAP_NOTE);
  for (const { name } of STREAM_REQUESTS) {
    const goal = `CPU per relayed SSE event: ${name}`;
    ratioVerdict(rig, { goal, place: { case: name, metric: METRIC }, base: 'nginx', max: 1.2, kind: 'goal' });
  }
}

/** An account of each platform; as many places as twice the streams, because a place is given back behind the end of its stream. */
function catalog(upstream: string, streams: number): object {
  const concurrency = 2 * streams;
  const account = { type: 'apikey', baseUrl: upstream, apiKey: 'sk-up', concurrency, groups: ['main'] };
  return {
    groups: [{ name: 'main', modelPlatforms: { 'gpt*': 'openai', 'gemini*': 'gemini' } }],
    accounts: ['anthropic', 'openai', 'gemini'].map((platform) => ({ ...account, name: platform, platform })),
    users: [{ name: 'bench', balanceUsd: 1_000_000, concurrency }],
    keys: [{ user: 'bench', group: 'main', key: KEY }],
  };
}

/** Resolves with the number of events; rejects when one was lost. */
function stream({ contender }: Runner, request: StreamRequest, { streams, events }: ProtocolLoad): Promise<number> {
  return countStreams({
    url: contender.url,
    request: rawStreamRequest(contender.url, request, KEY, BODY_BYTES),
    streams,
    mark: request.mark,
    events: eventsOf(request, events),
    boundMs: events * PACE_MS + GRACE_MS,
  });
}

/** In every protocol before the first is measured: each has a tap of its own, all else they share. The forwarder knows none of them. */
async function warmUp(rig: Rig, runners: readonly Runner[], load: ProtocolLoad): Promise<void> {
  rig.say('warming up');
  for (const runner of runners.filter(({ name }) => name !== 'nginx')) {
    const requests = runner.name === FORWARDER ? STREAM_REQUESTS.slice(0, 1) : STREAM_REQUESTS;
    for (const request of requests) await stream(runner, request, load).catch(() => {});
  }
}

/** Figures of Penstock alone, round by round: what it takes beyond the forwarder, and how much of it is metering. */
function metering(rig: Rig, request: StreamRequest, load: ProtocolLoad): void {
  const place = { case: request.name, metric: METRIC };
  const [ours, floor] = ['Penstock', FORWARDER].map((name) => find(rig.measurements, place, name)?.values ?? []);
  for (let round = 0; round < rig.rounds; round++) {
    const figure = { case: request.name, unit: 'µs', round } as const;
    const tapUs = tapAlone(request, load.events, load.tapEvents);
    rig.measured({ ...figure, contender: 'tap alone', metric: METRIC, value: tapUs });
    const [oursUs, floorUs] = [ours?.[round] ?? null, floor?.[round] ?? null];
    if (oursUs === null) continue;
    const share = { ...figure, contender: 'Penstock', unit: '%', value: (tapUs / oursUs) * 100 } as const;
    rig.measured({ ...share, metric: "the tap's share of an event" });
    if (floorUs === null) continue;
    rig.measured({
      ...figure,
      contender: 'Penstock',
      metric: `more than the ${FORWARDER} an event`,
      value: oursUs - floorUs,
    });
  }
}

export const protocols: Scenario = {
  name: 'protocols',
  title: 'Events of each protocol',
  about:
    'Paced streams of Messages, Chat (with and without usage asked for), Responses and Gemini (SSE and array), every event counted: CPU time of the contender an event, and beside it what the tap takes of it, fed from memory with the same bytes.',
  run,
};
