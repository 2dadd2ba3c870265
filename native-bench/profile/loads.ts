/** What a profile is taken under: a mock upstream, sections of the configuration, and a load that lasts a given time. */
import { runClosedLoop } from '../load/closed-loop.ts';
import type { MockOptions } from '../load/mock-options.ts';
import { runStreams } from '../load/streams.ts';
import { KEY } from '../peers/penstock.ts';

export interface Load {
  readonly name: string;
  readonly about: string;
  /** What figures are divided by. */
  readonly unit: 'request' | 'event';
  readonly mock: Partial<MockOptions>;
  /** Accounts of the one group. */
  readonly accounts: number;
  /** Resolves with the number of units it got done. */
  run(url: string, seconds: number): Promise<number>;
}

const CONNECTIONS = 32;
const STREAMS = 200;
const EVENT_PACE_MS = 10;
/** Streams come and go, so that their openings and ends are in the picture as well. */
const EVENTS_PER_STREAM = 200;

function json(name: string, about: string, bodyBytes: number, accounts = 1): Load {
  return {
    name,
    about,
    unit: 'request',
    mock: {},
    accounts,
    run: (url, seconds) =>
      runClosedLoop({ url, key: KEY, bodyBytes, stream: false, connections: CONNECTIONS, seconds }),
  };
}

async function streamFor(url: string, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  let events = 0;
  const shape = { key: KEY, bodyBytes: 1_000, stream: true };
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const more = await runStreams(url, shape, 1);
      events += more;
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, one));
  return events;
}

export const LOADS: readonly Load[] = [
  json('json', `JSON answers, bodies of 1 KB, ${CONNECTIONS} connections`, 1_000),
  {
    name: 'sse',
    about: `${STREAMS} streams of ${EVENTS_PER_STREAM} events, one every ${EVENT_PACE_MS} ms`,
    unit: 'event',
    mock: { events: EVENTS_PER_STREAM, paceMs: EVENT_PACE_MS },
    accounts: 1,
    run: streamFor,
  },
  json('large-body', `JSON answers, bodies of 550 KB, ${CONNECTIONS} connections`, 550_000),
  json('many-accounts', `JSON answers, bodies of 1 KB, 1,000 accounts in the group`, 1_000, 1_000),
];
