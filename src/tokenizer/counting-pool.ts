/**
 * The worker threads that count tokens, on primary. None until the first job; one that has been idle for a minute ends. What is asked for
 * beyond the threads waits here, first come first served, bounded in jobs and bytes: the library underneath never queues.
 *
 *   count ─► no room: busy
 *        └─► waiting ─► running ─► tokens │ late (the worker saw that its time is over) │ failed (it threw, or its thread died)
 *               │           └─► its time and a grace are over: late, and its thread is ended; the next job gets a new one
 *               └─► its time is over before its turn: late
 *
 * Every job is answered once, except those of a front that is gone. Primary only.
 */
import type { Piscina } from 'piscina';
import { nowMs } from '#base/clock.ts';
import { LogBudget } from '#base/log-budget.ts';
import type { Logger } from '#base/logger.ts';
import { type CountJob, jobBytes, jobTransfers } from './count-job.ts';

/** Tokens by the job's encoding. */
export type Counted = number | 'busy' | 'late' | 'failed';

/** `tokenizer.*` of the configuration. */
export interface PoolLimits {
  threads: number;
  queueJobs: number;
  queueBytes: number;
  /** Bound of a worker's heap. */
  heapBytes: number;
}

/** What tests replace. */
export interface PoolSeams {
  /** What a worker runs, as a file URL. */
  workerFile?: string;
  graceMs?: number;
}

export type AnswerCount = (front: number, id: number, counted: Counted) => void;

interface Entry {
  /** -1: nobody waits for it any more. */
  front: number;
  readonly id: number;
  readonly job: CountJob;
  readonly bytes: number;
}

const IDLE_MS = 60_000;
/**
 * A worker looks at the clock between slices of some ms. Before its first it loads its vocabulary, which takes a second where the cores
 * are busy, and must not be ended meanwhile: it would never get ready. Only one that is stuck needs more than this.
 */
const GRACE_MS = 5_000;
/** Relaying goes before counting where both want the same core. */
const NICE = 10;
const MIB = 1_048_576;
const WORKER = new URL('./count-worker.ts', import.meta.url).href;

export class CountingPool {
  readonly #limits: PoolLimits;
  readonly #answer: AnswerCount;
  readonly #log: Logger;
  readonly #workerFile: string;
  readonly #graceMs: number;
  readonly #logBudget = new LogBudget(1);
  #waiting: Entry[] = [];
  readonly #running = new Set<Entry>();
  /** Bytes of all that wait or run. */
  #bytes = 0;
  #pool: Promise<Piscina> | null = null;
  #closed = false;

  constructor(limits: PoolLimits, log: Logger, answer: AnswerCount, seams: PoolSeams = {}) {
    this.#limits = limits;
    this.#log = log;
    this.#answer = answer;
    this.#workerFile = seams.workerFile ?? WORKER;
    this.#graceMs = seams.graceMs ?? GRACE_MS;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.size;
  }

  count(front: number, id: number, job: CountJob): void {
    const { threads, queueJobs, queueBytes } = this.#limits;
    const bytes = jobBytes(job);
    const waits = this.#running.size >= threads;
    const full = this.#bytes + bytes > queueBytes || (waits && this.#waiting.length >= queueJobs);
    if (threads === 0 || this.#closed || full) return this.#answer(front, id, 'busy');
    this.#bytes += bytes;
    this.#waiting.push({ front, id, job, bytes });
    this.#pump();
  }

  /** The front's thread has ended; its index may be given to another one. */
  forget(front: number): void {
    for (const entry of this.#running) if (entry.front === front) entry.front = -1;
    for (const entry of this.#waiting) if (entry.front === front) this.#bytes -= entry.bytes;
    this.#waiting = this.#waiting.filter((entry) => entry.front !== front);
  }

  /** Ends every worker; what waits or runs is answered `failed`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#waiting.splice(0)) this.#settle(entry, 'failed');
    await this.#pool?.then((pool) => pool.destroy()).catch(() => {});
  }

  #pump(): void {
    while (this.#running.size < this.#limits.threads) {
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      if (nowMs() >= entry.job.untilMs) this.#settle(entry, 'late');
      else void this.#run(entry);
    }
  }

  async #run(entry: Entry): Promise<void> {
    this.#running.add(entry);
    const counted = await this.#counted(entry.job);
    this.#running.delete(entry);
    this.#settle(entry, counted);
    this.#pump();
  }

  /** Never rejects. */
  async #counted(job: CountJob): Promise<Counted> {
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(), Math.max(0, job.untilMs - nowMs()) + this.#graceMs);
    try {
      this.#pool ??= this.#start();
      const pool = await this.#pool;
      if (this.#closed) return 'failed';
      return await pool.run(job, { transferList: jobTransfers(job), signal: overdue.signal });
    } catch (error) {
      if (this.#closed) return 'failed';
      if (this.#logBudget.take()) this.#log.warn({ error: (error as Error).message }, 'tokens could not be counted');
      return overdue.signal.aborted ? 'late' : 'failed';
    } finally {
      clearTimeout(timer);
    }
  }

  #settle({ front, id, bytes }: Entry, counted: Counted): void {
    this.#bytes -= bytes;
    if (front >= 0) this.#answer(front, id, counted);
  }

  async #start(): Promise<Piscina> {
    const { Piscina } = await import('piscina');
    const { threads, heapBytes } = this.#limits;
    const pool = new Piscina({
      filename: this.#workerFile,
      name: 'count',
      minThreads: 0,
      maxThreads: threads,
      maxQueue: threads,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
      niceIncrement: NICE,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(heapBytes / MIB) },
    });
    // A worker that dies without a job has nobody else to tell.
    pool.on('error', (error: Error) => this.#log.warn({ error: error.message }, 'a counting worker ended'));
    return pool;
  }
}
