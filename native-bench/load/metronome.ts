/**
 * The beat of the open loop, a worker thread of its own: timers of an event loop are late by up to a millisecond or two, a wait on shared
 * memory by some tens of microseconds. Posts when it starts (microseconds of `nowUs`), then the number of the last beat that is due, again
 * and again; a beat that could not be posted in time comes with the next.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { nowUs } from './clock-us.ts';

export interface Beats {
  everyUs: number;
  count: number;
}

/** Until the first beat. */
const LEAD_US = 5_000;

const { everyUs, count } = workerData as Beats;
const startUs = nowUs() + LEAD_US;
const nobodyWrites = new Int32Array(new SharedArrayBuffer(4));

parentPort!.postMessage(startUs);
for (let beat = 0; beat < count; ) {
  const waitUs = startUs + beat * everyUs - nowUs();
  if (waitUs > 0) Atomics.wait(nobodyWrites, 0, 0, waitUs / 1_000);
  const due = Math.min(count - 1, Math.floor((nowUs() - startUs) / everyUs));
  if (due < beat) continue;
  parentPort!.postMessage(due);
  beat = due + 1;
}
