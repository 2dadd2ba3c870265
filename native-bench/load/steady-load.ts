/**
 * Whole answers at a steady rate, one request every so many milliseconds whatever became of those before it: latency counts from the
 * moment at which a request was due, so that a stall is seen by every request that it held up. Each request is noted for an audit.
 * Runs in the process that starts it, over kept connections.
 */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Asked, ask } from '../chaos/traffic.ts';

export interface SteadyOptions {
  base: string;
  key: string;
  ratePerSecond: number;
  /** Beginning of every request's label. */
  label: string;
}

export interface Latencies {
  /** Milliseconds from the due moment to the last byte. */
  p50: number;
  p99: number;
  /** Whole answers. */
  perSecond: number;
  /** Requests that were due then and got none. */
  failed: number;
  count: number;
}

interface Timed {
  dueMs: number;
  asked: Asked;
}

const OPEN_MAX = 2_000;
const ANSWER_BOUND_MS = 30_000;

export class SteadyLoad {
  readonly asked: Asked[] = [];
  readonly #options: SteadyOptions;
  readonly #timed: Timed[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: OPEN_MAX });
  readonly #done: Promise<void>;
  #open = 0;
  #stopped = false;

  constructor(options: SteadyOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** Of the requests that were due from then until then, all of which have ended. */
  between(fromMs: number, toMs: number): Latencies {
    const due = this.#timed.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs);
    const whole = due.filter(({ asked }) => asked.ending === 'completed');
    const sorted = whole.map(({ dueMs, asked }) => asked.endMs - dueMs).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const perSecond = whole.length / ((toMs - fromMs) / 1000);
    return { p50: at(0.5), p99: at(0.99), perSecond, failed: due.length - whole.length, count: due.length };
  }

  /** No new requests; resolves when the open ones have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await waitFor('the last answers', () => this.#open === 0, { boundMs: ANSWER_BOUND_MS * 2 });
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const everyMs = 1000 / this.#options.ratePerSecond;
    const startMs = performance.now();
    for (let i = 0; !this.#stopped; await sleep(1)) {
      for (let dueMs = startMs + i * everyMs; dueMs <= performance.now(); dueMs = startMs + i * everyMs) {
        this.#begin(dueMs, i++);
      }
    }
  }

  #begin(dueMs: number, index: number): void {
    const { base, key, label } = this.#options;
    if (this.#open >= OPEN_MAX) throw new Error(`${OPEN_MAX} requests are open: nothing is answered any more`);
    this.#open++;
    const call = { base, key, label: `${label}-${index}`, stream: false, agent: this.#agent, boundMs: ANSWER_BOUND_MS };
    void ask(call, this.asked).then((asked) => {
      this.#open--;
      this.#timed.push({ dueMs, asked });
    });
  }
}
