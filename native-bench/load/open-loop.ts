/**
 * The open loop, a process of its own: requests at a constant rate, each timed from the moment at which it was due and not from when it
 * could be sent, so that a stall is seen by all who would have met it (no coordinated omission). Prints its result as one JSON line;
 * ends with 1 when an answer was wrong. Judges itself too: a driver that is late would blame the gateway.
 *
 *   node open-loop.ts '{"url":"http://127.0.0.1:8080","keys":["sk-…"],"ratePerSecond":200,"seconds":5}'
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { nowUs } from './clock-us.ts';
import { at, Latencies } from './latencies.ts';
import type { Beats } from './metronome.ts';
import { OPEN_LOOP_DEFAULTS, type OpenLoopOptions, type OpenLoopResult } from './open-loop-options.ts';
import { OpenLoopRun } from './open-loop-run.ts';

const DELAY_RESOLUTION_MS = 10;

const options: OpenLoopOptions = { ...OPEN_LOOP_DEFAULTS, ...JSON.parse(process.argv[2] ?? '{}') };
const run = new OpenLoopRun(options);
const lag = new Latencies();
const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });

/** Resolves once the last request was due. */
async function beat(ratePerSecond: number): Promise<void> {
  const warmUp = Math.round(options.warmUpSeconds * ratePerSecond);
  const count = warmUp + Math.round(options.seconds * ratePerSecond);
  const beats: Beats = { everyUs: 1_000_000 / ratePerSecond, count };
  const metronome = new Worker(new URL('metronome.ts', import.meta.url), { workerData: beats });
  const startUs = await new Promise<number>((resolve, reject) =>
    metronome.once('message', resolve).once('error', reject),
  );
  let next = 0;
  await new Promise<void>((resolve, reject) => {
    metronome.on('error', reject);
    metronome.on('message', (due: number) => {
      const knownUs = nowUs();
      for (; next <= due; next++) {
        const intendedUs = startUs + next * beats.everyUs;
        if (next === warmUp) delay.reset();
        if (next >= warmUp) lag.record(knownUs - intendedUs);
        run.begin(next, intendedUs, next >= warmUp);
      }
      if (next === count) resolve();
    });
  });
  await metronome.terminate();
}

/** Every connection asks again once it is answered. */
async function again(): Promise<void> {
  const countsUs = nowUs() + options.warmUpSeconds * 1_000_000;
  const endUs = countsUs + options.seconds * 1_000_000;
  let index = 0;
  await new Promise<void>((resolve) => {
    const next = (): void => {
      const dueUs = nowUs();
      if (dueUs >= endUs || run.failed > 0) resolve();
      else run.begin(index++, dueUs, dueUs >= countsUs);
    };
    // On a turn of its own: the connection is free only once its answer has been dealt with.
    run.onSettled = () => void setImmediate(next);
    for (let i = 0; i < options.connectionsMax; i++) next();
  });
}

async function drained(): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, options.drainMs);
    run.onSettled = () => {
      if (run.inFlight > 0) return;
      clearTimeout(timer);
      resolve();
    };
    run.onSettled();
  });
  if (run.inFlight > 0) {
    run.failed += run.inFlight;
    run.firstFailure ??= `${run.inFlight} were not answered ${options.drainMs} ms after the end`;
  }
}

function result(startedUs: number): OpenLoopResult {
  const { offered, answered, waited, notStarted, failed, firstFailure, pool } = run;
  const delayUs = (percentile: number): number =>
    Math.max(0, Math.round(delay.percentile(percentile) / 1_000 - DELAY_RESOLUTION_MS * 1_000));
  const lagged = lag.summary();
  // One after the other, a late moment of the driver touches one request and not all that were due in it.
  const [percentile, lateUs] = options.ratePerSecond === null ? [90, delayUs(90)] : [99, at(lagged, 99)];
  const late = `the driver was late itself: ${(lateUs / 1_000).toFixed(1)} ms at percentile ${percentile}, at most ${options.lagMaxMs} are allowed`;
  return {
    offered,
    answered,
    waited,
    notStarted,
    failed,
    firstFailure,
    resent: pool.resent,
    seconds: (nowUs() - startedUs) / 1_000_000,
    total: run.total.summary(),
    first: run.first.summary(),
    gap: run.gap.summary(),
    eventDelay: run.eventDelay.summary(),
    lag: lagged,
    loopDelayUs: delayUs(99),
    invalid: lateUs > options.lagMaxMs * 1_000 ? late : null,
  };
}

// Ends with whoever started it.
process.stdin.on('end', () => process.exit(2)).resume();

const startedUs = nowUs();
delay.enable();
await (options.ratePerSecond === null ? again() : beat(options.ratePerSecond));
await drained();
process.stdout.write(`${JSON.stringify(result(startedUs))}\n`, () => process.exit(run.failed > 0 ? 1 : 0));
