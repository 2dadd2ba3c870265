/** Jobs and a pool for tests of token counting. */
import { nowMs } from '#base/clock.ts';
import { createLogger } from '#base/logger.ts';
import type { CountJob } from '#tokenizer/count-job.ts';
import type { Encoding } from '#tokenizer/count-method.ts';
import { type Counted, CountingPool, type PoolLimits, type PoolSeams } from '#tokenizer/counting-pool.ts';
import { waitFor } from './wait-for.ts';

/** Workers that do what a text says, and are given up soon. */
export const SCRIPTED: PoolSeams = {
  workerFile: new URL('./scripted-counter.ts', import.meta.url).href,
  graceMs: 1_000,
};
export const MIB = 1_048_576;
const LONG_MS = 20_000;

export interface JobOptions {
  encoding?: Encoding;
  untilMs?: number;
  /** The text has JSON escapes. */
  escaped?: boolean;
}

export function jobOf(text: string, { encoding, untilMs, escaped }: JobOptions = {}): CountJob {
  const bytes = new Uint8Array(Buffer.from(text));
  return {
    encoding: encoding ?? 'o200k_base',
    buffer: bytes.buffer,
    ranges: new Int32Array([0, bytes.length]),
    escapedCells: escaped === true ? 2 : 0,
    untilMs: untilMs ?? nowMs() + LONG_MS,
  };
}

/** A pool that keeps its answers, by `front/id`. */
export class RecordingPool {
  readonly pool: CountingPool;
  readonly answers = new Map<string, Counted>();
  #lastId = 0;

  constructor(limits: Partial<PoolLimits> = {}, seams?: PoolSeams) {
    const all = { threads: 1, queueJobs: 10, queueBytes: MIB, heapBytes: 160 * MIB, ...limits };
    const log = createLogger({ level: 'silent', thread: 'test' });
    const keep = (front: number, id: number, counted: Counted): void => {
      const key = `${front}/${id}`;
      if (this.answers.has(key)) throw new Error(`${key} is answered twice`);
      this.answers.set(key, counted);
    };
    this.pool = new CountingPool(all, log, keep, seams);
  }

  /** Asks; returns the key of the answer. */
  ask(text: string, { front = 0, ...options }: JobOptions & { front?: number } = {}): string {
    const id = ++this.#lastId;
    this.pool.count(front, id, jobOf(text, options));
    return `${front}/${id}`;
  }

  answer(key: string): Promise<Counted> {
    return waitFor(`the answer to ${key}`, () => (this.answers.has(key) ? { counted: this.answers.get(key)! } : null), {
      boundMs: 20_000,
    }).then(({ counted }) => counted);
  }
}
