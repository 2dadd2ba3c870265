/**
 * Entry of a front's worker thread: the front (`front.ts`), and what the thread does when nobody caught an exception. It ends this
 * front only: primary undoes what is left and starts a replacement. The end is bounded in time.
 */
import { workerData } from 'node:worker_threads';
import { Front } from './front.ts';
import type { FrontData } from './protocol.ts';

/** A thread that has closed everything ends by itself; whatever keeps it does so no longer than this. */
const EXIT_BOUND_MS = 2000;

const front = new Front(workerData as FrontData);

process.on('uncaughtException', (error) => {
  void front.fail(error).then(() => setTimeout(() => process.exit(1), EXIT_BOUND_MS).unref());
});
