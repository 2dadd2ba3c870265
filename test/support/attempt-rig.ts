/** Attempts over pools of real connections, swept as a front does it; everything made here ends with `endAll`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { nowMs } from '#base/clock.ts';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { CounterRow, counterBytes } from '#meter/counters.ts';
import { Attempt } from '#relay/attempt.ts';
import type { OriginLimits, OriginPool } from '#relay/origin-pool.ts';
import { OriginPools } from '#relay/origin-pools.ts';
import { AttemptOutcome } from './attempt-outcome.ts';
import { type RawCall, type RawScript, RawUpstream } from './raw-upstream.ts';
import { waitFor } from './wait-for.ts';

export const LIMITS: OriginLimits = {
  connectTimeoutMs: 10_000,
  keepAliveMs: 30_000,
  connectionsPerOrigin: 4,
  prewarm: 0,
};
export const WHOLE = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi';

const FIXTURE = readFileSync(new URL('ca-signed.pem', import.meta.url), 'utf8');
export const CA = readFileSync(new URL('private-ca.pem', import.meta.url), 'utf8');

export const counters = new CounterRow(new SharedArrayBuffer(counterBytes(1)), 0);
/** What decoding answers takes its memory from. */
export const budget = new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), 8 * 1024 * 1024, 0);
const ends: (() => unknown)[] = [];
const sweptWith = new WeakMap<OriginPool, OriginPools>();

export function atEnd(end: () => unknown): void {
  ends.push(end);
}

export async function endAll(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

export function makePools(limits = LIMITS): OriginPools {
  const pools = new OriginPools(limits, counters);
  const sweeper = setInterval(() => pools.sweep(nowMs()), 20);
  atEnd(() => {
    clearInterval(sweeper);
    pools.close();
  });
  return pools;
}

export function poolOf(url: string, ca: string | null = null, limits = LIMITS): OriginPool {
  const pools = makePools(limits);
  const pool = pools.get({ origin: url, ca, poolKey: url, address: null });
  sweptWith.set(pool, pools);
  return pool;
}

/** Sweeps the pool's connections as if several idle times had passed. */
export function passIdleTimes(pool: OriginPool, idleMs: number): void {
  for (let times = 1; times <= 3; times++) sweptWith.get(pool)!.sweep(nowMs() + times * (idleMs + 1));
}

/** An upstream that answers each request on a connection with the next of `answers`, the last one again and again. */
export async function scripted(...answers: ((call: RawCall) => void)[]): Promise<RawUpstream> {
  const script: RawScript = {
    when: 'body',
    answer: (call) => answers[Math.min(call.index, answers.length - 1)]!(call),
  };
  const upstream = await RawUpstream.start(() => script);
  atEnd(() => upstream.close());
  return upstream;
}

export const writes =
  (text: string) =>
  ({ socket }: RawCall): void =>
    void socket.write(text, 'latin1');

/** The URL of a TLS upstream that `CA` has signed, for `host`. */
export async function tlsUpstream(onSocket: (socket: TLSSocket) => void, host = '127.0.0.1'): Promise<string> {
  const server = createServer({ cert: FIXTURE, key: FIXTURE }, onSocket);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  return `https://${host}:${(server.address() as AddressInfo).port}`;
}

export interface Asked {
  body?: Uint8Array;
  fixedHeaders?: string[];
  headers?: string[];
  path?: string;
  headersTimeoutMs?: number;
  idleTimeoutMs?: number;
}

export function start(pool: OriginPool, asked: Asked = {}, outcome = new AttemptOutcome()): AttemptOutcome {
  const connection = pool.take();
  assert.ok(connection !== null, 'no connection was left');
  const defaults = {
    path: '/',
    fixedHeaders: [],
    headers: [],
    body: Buffer.from('{}'),
    headersTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
  };
  outcome.attempt = new Attempt(
    { counters, places: { release: () => outcome.timesOver++ }, budget },
    pool,
    connection,
    outcome,
    0,
  );
  outcome.attempt.start({
    method: 'POST',
    ...defaults,
    ...asked,
  });
  return outcome;
}

export async function ended(outcome: AttemptOutcome): Promise<AttemptOutcome> {
  await waitFor('the end of the attempt', () => outcome.attempt!.over);
  assert.equal(outcome.timesOver, 1);
  return outcome;
}

export async function ask(pool: OriginPool, asked: Asked = {}): Promise<AttemptOutcome> {
  return ended(start(pool, asked));
}

/** Longer than a loaded machine stands still. */
export const IDLE_MS = 10_000;
/** For what is read in spite of a pause to come. */
const LOOK_MS = 300;
/** One read, which over TLS may hold several records. */
const READ_BYTES = 65_536;

/** On an upstream whose answer is far longer than what the system buffers: a pause holds it up, is no idle time, and loses nothing. */
export async function assertPauses(pool: OriginPool, answerBytes: number): Promise<void> {
  const outcome = new AttemptOutcome();
  const onData = outcome.onData.bind(outcome);
  let atPause = 0;
  outcome.onData = (attempt, chunk) => {
    onData(attempt, chunk);
    if (atPause > 0) return;
    atPause = chunk.length;
    attempt.pause();
  };
  start(pool, { idleTimeoutMs: IDLE_MS }, outcome);
  await waitFor('the first bytes', () => atPause > 0);
  const untilMs = nowMs() + LOOK_MS;
  await waitFor('some time', () => nowMs() > untilMs);
  passIdleTimes(pool, IDLE_MS);
  assert.equal(outcome.end, 'open');
  const more = outcome.body.length - atPause;
  assert.ok(more <= READ_BYTES, `${more} bytes more than at the pause`);
  assert.ok(atPause + READ_BYTES < answerBytes);
  outcome.attempt!.resume();
  await ended(outcome);
  assert.deepEqual([outcome.end, outcome.body.length], ['whole', answerBytes]);
}
