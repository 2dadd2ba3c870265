/**
 * Preloaded into every thread of a contender that runs on Node: counts its collector's pauses and how late its event loop's turns were, and
 * writes both to a file of its own once a second. The folder is named by BENCH_PROBE. Product code is untouched.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { threadId } from 'node:worker_threads';

const WRITE_EVERY_MS = 1_000;
const RESOLUTION_MS = 10;
const folder = process.env['BENCH_PROBE'];

if (folder !== undefined) {
  let gcMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMs += duration;
  }).observe({ entryTypes: ['gc'] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const file = join(folder, `${process.pid}-${threadId}.json`);
  setInterval(() => {
    // The timer behind it waits a resolution long, which is no delay.
    const loopP99Ms = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS);
    delay.reset();
    writeFileSync(file, JSON.stringify({ gcMs, loopP99Ms }));
  }, WRITE_EVERY_MS).unref();
}
