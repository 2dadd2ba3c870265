/**
 * Preloaded into every thread of the gateway process (`NODE_OPTIONS=--import=…`), product code untouched: at the first SIGUSR2 each
 * thread starts the profiler of its own isolate over an inspector session to itself, at the second it stops it and writes what it
 * found. Without the order in the environment, or a signal, it does nothing.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import * as workers from 'node:worker_threads';
import {
  type CpuProfile,
  type HeapProfile,
  PROFILE_ENV,
  type ProfileOrder,
  type ThreadProfile,
} from './thread-profile.ts';

/** Each sample interrupts the thread for some 10 µs: 2 % of it. */
const SAMPLE_US = 500;
const HEAP_SAMPLE_BYTES = 16_384;
const TICK_MS = 10;

class ThreadProfiler {
  readonly #order: ProfileOrder;
  readonly #thread: string;
  readonly #session = new Session();
  readonly #gc = new PerformanceObserver((list) => this.#countGc(list.getEntries()));
  #startedMs = 0;
  #before = threadCpu();
  #gcMs = 0;
  #gcCount = 0;

  constructor(order: ProfileOrder, thread: string) {
    this.#order = order;
    this.#thread = thread;
  }

  /** From here on no signal is missed. */
  sayReady(): void {
    writeFileSync(join(this.#order.folder, `${this.#thread}.ready`), '');
  }

  turn(): void {
    if (this.#startedMs === 0) this.#start();
    else this.#stop();
  }

  #start(): void {
    this.#session.connect();
    if (this.#order.kind === 'cpu') {
      this.#call('Profiler.enable');
      this.#call('Profiler.setSamplingInterval', { interval: SAMPLE_US });
      this.#call('Profiler.start');
    } else {
      const collected = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
      this.#call('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLE_BYTES, ...collected });
    }
    this.#gc.observe({ entryTypes: ['gc'] });
    this.#before = threadCpu();
    this.#startedMs = performance.now();
    writeFileSync(join(this.#order.folder, `${this.#thread}.started`), '');
  }

  #stop(): void {
    const after = threadCpu();
    const wallMs = performance.now() - this.#startedMs;
    this.#countGc(this.#gc.takeRecords());
    this.#gc.disconnect();
    const isCpu = this.#order.kind === 'cpu';
    const { profile } = this.#call(isCpu ? 'Profiler.stop' : 'HeapProfiler.stopSampling') as { profile: unknown };
    this.#session.disconnect();
    this.#write({
      thread: this.#thread,
      wallMs,
      userMs: after.userMs - this.#before.userMs,
      systemMs: after.systemMs - this.#before.systemMs,
      gcMs: this.#gcMs,
      gcCount: this.#gcCount,
      cpu: isCpu ? (profile as CpuProfile) : null,
      heap: isCpu ? null : (profile as HeapProfile),
    });
  }

  /** Whoever sees the file sees all of it. */
  #write(profile: ThreadProfile): void {
    const path = join(this.#order.folder, `${this.#thread}.json`);
    writeFileSync(`${path}.part`, JSON.stringify(profile));
    renameSync(`${path}.part`, path);
  }

  #countGc(entries: { duration: number }[]): void {
    for (const { duration } of entries) {
      this.#gcMs += duration;
      this.#gcCount++;
    }
  }

  /** A session of a thread to itself answers before the call returns. */
  #call(method: string, params: object = {}): object {
    let answer: object | undefined;
    let failure: Error | null = null;
    this.#session.post(method, params, (error: Error | null, result?: object) => {
      failure = error;
      answer = result ?? {};
    });
    if (failure !== null) throw new Error(`${method}: ${JSON.stringify(failure)}`);
    if (answer === undefined) throw new Error(`${method} was not answered`);
    return answer;
  }
}

/** The kernel's figures for the calling thread, proc(5): utime and stime are fields 14 and 15. */
function threadCpu(): { userMs: number; systemMs: number } {
  const text = readFileSync('/proc/thread-self/stat', 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { userMs: Number(fields[11]) * TICK_MS, systemMs: Number(fields[12]) * TICK_MS };
}

/** A worker's name as it was started with; the runtime has it, its published types do not yet. */
function ownName(): string {
  if (workers.isMainThread) return 'primary';
  const { threadName } = workers as { threadName?: string };
  return threadName === undefined || threadName === '' ? `worker-${workers.threadId}` : threadName;
}

function listen(order: ProfileOrder): void {
  const profiler = new ThreadProfiler(order, ownName());
  const bell = new workers.BroadcastChannel('thread-profiler');
  (bell as unknown as { unref(): void }).unref();
  bell.onmessage = () => profiler.turn();
  if (workers.isMainThread) {
    process.on('SIGUSR2', () => {
      bell.postMessage(null);
      profiler.turn();
    });
  }
  profiler.sayReady();
}

const order = process.env[PROFILE_ENV];
if (order !== undefined) listen(JSON.parse(order) as ProfileOrder);
