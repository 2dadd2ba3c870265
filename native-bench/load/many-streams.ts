/**
 * The clients of many slow streams, a process of its own: opens streams with large bodies, holds them, times their stamped events. Told
 * what to do by lines of JSON on standard input, answers each with one on standard output, ends when standard input does.
 *
 *   {"open":5000}      opens as many as are missing; answered once all are open, or one could not be
 *   {"measure":5}      counts for so many seconds
 *
 *   node many-streams.ts '{"url":"http://127.0.0.1:8080","key":"sk-…","bodyBytes":65536,"headers":{}}'
 */
import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { AnswerParser } from './answer-parser.ts';
import { nowUs } from './clock-us.ts';
import { Latencies, type LatencySummary } from './latencies.ts';
import { rawRequest } from './requests.ts';
import { SseEvents } from './sse-events.ts';

export interface ManyStreamsOptions {
  url: string;
  key: string;
  bodyBytes: number;
  headers: Record<string, string>;
}

export interface OpenStreams {
  open: number;
  /** Why the missing ones are not there; null: none is missing. */
  why: string | null;
}

export interface StreamsMeasured {
  open: number;
  events: number;
  /** From the stamp of the sender to the arrival. */
  delay: LatencySummary;
  /** Of this process's event loop, 90th percentile: what it puts on top by itself at times. */
  loopDelayUs: number;
}

const OPENING_MAX = 64;
/** Each source address has some 28,000 ports. */
const SOURCES = 8;
const DELAY_RESOLUTION_MS = 10;

const options: ManyStreamsOptions = JSON.parse(process.argv[2] ?? '{}');
const request = rawRequest(options.url, { ...options, stream: true }, options.headers);
const { hostname, port } = new URL(options.url);

let wanted = 0;
let started = 0;
let opening = 0;
let open = 0;
let broken: string | null = null;
let onOpened: (() => void) | null = null;
let counting: { events: number; delays: Latencies } | null = null;

function startMore(): void {
  while (started < wanted && opening < OPENING_MAX && broken === null) start(started++);
  if (open >= wanted || (broken !== null && opening === 0)) onOpened?.();
}

function start(index: number): void {
  opening++;
  let state: 'opening' | 'open' | 'gone' = 'opening';
  let why = 'it was closed';
  const events = new SseEvents();
  const socket = connect({ port: Number(port), host: hostname, localAddress: `127.0.0.${2 + (index % SOURCES)}` });
  const parser = new AnswerParser({
    onHead: (status) => {
      if (status !== 200) return void socket.destroy(new Error(`status ${status}`));
      state = 'open';
      opening--;
      open++;
      startMore();
    },
    onBody: (bytes) => {
      const arrivedUs = nowUs();
      events.push(bytes, (sentUs) => count(arrivedUs, sentUs));
    },
    onEnd: () => void socket.destroy(new Error('it ended')),
  });
  socket.once('connect', () => socket.write(request));
  socket.on('data', (bytes: Buffer) => parser.push(bytes));
  socket.on('error', (error) => {
    why = error.message;
  });
  socket.on('close', () => {
    if (state === 'opening') opening--;
    else open--;
    broken ??= `a stream that was ${state}: ${why}`;
    state = 'gone';
    startMore();
  });
}

function count(arrivedUs: number, sentUs: number | null): void {
  if (counting === null) return;
  counting.events++;
  if (sentUs !== null) counting.delays.record(arrivedUs - sentUs);
}

async function openTo(many: number): Promise<OpenStreams> {
  wanted = many;
  await new Promise<void>((resolve) => {
    onOpened = resolve;
    startMore();
  });
  onOpened = null;
  return { open, why: open < wanted ? broken : null };
}

async function measure(seconds: number): Promise<StreamsMeasured> {
  const counted = { events: 0, delays: new Latencies() };
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();
  counting = counted;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  counting = null;
  delay.disable();
  const loopDelayUs = Math.max(0, Math.round(delay.percentile(90) / 1_000 - DELAY_RESOLUTION_MS * 1_000));
  return { open, events: counted.events, delay: counted.delays.summary(), loopDelayUs };
}

const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
lines.on('line', async (line) => {
  const told = JSON.parse(line) as { open: number } | { measure: number };
  const answer = 'open' in told ? await openTo(told.open) : await measure(told.measure);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
