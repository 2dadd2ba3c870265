/**
 * What talking to an upstream costs: CPU time of one request, and of one event of a stream, through pool and attempt as the gateway
 * uses them, beside a bare `undici` client a connection with the same request. Nothing is relayed. The mock is a process of its own.
 * Run: `node_modules/.bin/node native-bench/micro/upstream-client.ts [--quick] [--against DIR]`; one line of JSON a case and contender;
 * DIR is another checkout, whose pool and attempt are measured in the same rounds.
 */
import { resolve } from 'node:path';
import { Client } from 'undici';
import { CounterRow, counterBytes } from '../../src/meter/counters.ts';
import type { AttemptRequest } from '../../src/relay/attempt.ts';
import { startFile, stopChild } from '../rig/child.ts';

const quick = process.argv.includes('--quick');
const at = process.argv.indexOf('--against');
const against = at < 0 ? null : resolve(process.argv[at + 1] ?? '');
const ROUNDS = quick ? 2 : 5;
const REQUESTS = quick ? 500 : 10_000;
const STREAMS = quick ? 10 : 200;
const EVENTS = quick ? 20 : 100;
const CONNECTIONS = 64;

/** Starts one request; calls back with its chunks and at its end. */
type Send = (request: AttemptRequest, onData: (chunk: Uint8Array) => void, onEnd: () => void) => void;

function fail(error: Error): never {
  throw error;
}

/** As little as undici can be asked to do: its warmest client, one handler object. */
function bareUndici(url: string): Send {
  const idle: Client[] = [];
  return (request, onData, onEnd) => {
    const client = idle.pop() ?? new Client(url, { pipelining: 1 });
    client.dispatch(
      { method: 'POST', path: request.path, headers: [...request.headers], body: request.body },
      {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: (_controller, chunk) => onData(chunk),
        onResponseEnd: () => {
          idle.push(client);
          onEnd();
        },
        onResponseError: (_controller, error) => fail(error),
      },
    );
  };
}

async function ofCheckout(folder: string, url: string): Promise<Send> {
  const { Attempt } = (await import(`${folder}/src/relay/attempt.ts`)) as typeof import('../../src/relay/attempt.ts');
  const { OriginPools } = (await import(
    `${folder}/src/relay/origin-pools.ts`
  )) as typeof import('../../src/relay/origin-pools.ts');
  const counters = new CounterRow(new SharedArrayBuffer(counterBytes(1)), 0);
  // No place is held, and no answer is compressed.
  const shared = { counters, places: { release: () => {} }, budget: { take: () => true, give: () => {} } };
  const limits = { connectTimeoutMs: 5_000, keepAliveMs: 30_000, connectionsPerOrigin: 16_384, prewarm: 0 };
  const pools = new OriginPools(limits, counters);
  const sweeper = setInterval(() => pools.sweep?.(performance.now()), 250);
  sweeper.unref();
  const pool = pools.get({ origin: url, ca: null, poolKey: url, address: null });
  return (request, onData, onEnd) => {
    const owner = {
      onHead: () => {},
      onData: (_attempt: unknown, chunk: Uint8Array) => onData(chunk),
      onEnd,
      onError: (_attempt: unknown, error: Error) => fail(error),
    };
    new Attempt(shared, pool, pool.take()!, owner, 0).start(request);
  };
}

function request(stream: boolean): AttemptRequest {
  const text = 'water under pressure '.repeat(45);
  const body = Buffer.from(
    JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 64, stream, messages: [{ role: 'user', content: text }] }),
  );
  const headers = ['x-api-key', 'sk-ant-bench', 'accept-encoding', 'identity', 'content-type', 'application/json'];
  headers.push('anthropic-version', '2023-06-01', 'user-agent', 'bench');
  return {
    method: 'POST',
    path: '/v1/messages',
    fixedHeaders: [],
    headers,
    body,
    headersTimeoutMs: 600_000,
    idleTimeoutMs: 300_000,
  };
}

/** Sends `count` requests, `width` at a time; the number of bytes that came. */
function loop(send: Send, stream: boolean, count: number, width: number): Promise<number> {
  const asked = request(stream);
  let bytes = 0;
  let left = count;
  let open = 0;
  return new Promise((done) => {
    const next = (): void => {
      if (left === 0) return open === 0 ? done(bytes) : undefined;
      left--;
      open++;
      send(
        asked,
        (chunk) => {
          bytes += chunk.length;
        },
        () => {
          open--;
          next();
        },
      );
    };
    for (let i = 0; i < width; i++) next();
  });
}

interface Case {
  name: string;
  unit: string;
  stream: boolean;
  count: number;
  width: number;
  units: number;
}

const CASES: readonly Case[] = [
  { name: 'JSON', unit: 'request', stream: false, count: REQUESTS, width: CONNECTIONS, units: REQUESTS },
  { name: 'SSE', unit: 'event', stream: true, count: STREAMS, width: STREAMS, units: STREAMS * EVENTS },
];

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const mock = await startFile('load/mock.ts', [JSON.stringify({ events: EVENTS, paceMs: 10 })]);
try {
  const here = resolve(import.meta.dirname, '../..');
  const contenders: [name: string, send: Send][] = [['Penstock', await ofCheckout(here, mock.url)]];
  if (against !== null) contenders.push(['before', await ofCheckout(against, mock.url)]);
  contenders.push(['undici', bareUndici(mock.url)]);
  for (const { name, unit, stream, count, width, units } of CASES) {
    const costs = contenders.map((): number[] => []);
    for (let round = -2; round < ROUNDS; round++) {
      for (const [i, [contender, send]] of contenders.entries()) {
        const start = process.cpuUsage();
        if ((await loop(send, stream, count, width)) === 0) throw new Error(`${contender}: nothing came`);
        const { user, system } = process.cpuUsage(start);
        if (round >= 0) costs[i]!.push((user + system) / units);
      }
    }
    for (const [i, [contender]] of contenders.entries()) {
      const ratios = costs[i]!.map((cost, round) => costs[0]![round]! / cost);
      const line = { bench: 'upstream-client', case: name, contender, unit };
      const figures = {
        cpuUs: Math.round(median([...costs[i]!]) * 10) / 10,
        penstockIs: Math.round(median(ratios) * 100) / 100,
      };
      process.stdout.write(`${JSON.stringify({ ...line, ...figures })}\n`);
    }
  }
} finally {
  await stopChild(mock.child);
}
process.exit(0);
