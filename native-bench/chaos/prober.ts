/**
 * Asks one small request on a new connection every few milliseconds, with a user and an account of its own, and tells how long
 * after an event the first answer came. What it asks is billed and audited like any other request.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Asked, ask } from './traffic.ts';

const EVERY_MS = 20;
const OPEN_MAX = 16;
const ANSWER_BOUND_MS = 45_000;

export class Prober {
  readonly asked: Asked[] = [];
  readonly #done: Promise<void>;
  #open = 0;
  #stopped = false;

  constructor(base: string, key: string, label: string) {
    this.#done = this.#run(base, key, label);
  }

  /** Milliseconds from `sinceMs` to the end of the first whole answer to a request that began after it. */
  async serviceAfter(sinceMs: number, boundMs = 60_000): Promise<number> {
    let from = this.asked.length;
    while (from > 0 && this.asked[from - 1]!.startMs >= sinceMs) from--;
    const first = await waitFor(
      'service',
      () => this.asked.slice(from).find(({ startMs, ending }) => startMs >= sinceMs && ending === 'completed'),
      { boundMs, everyMs: 5 },
    );
    return first.endMs - sinceMs;
  }

  /** The longest time without an answer since then, which must be over: how long it was, and when it ended after `sinceMs`. */
  outageAfter(sinceMs: number): { lengthMs: number; overMs: number } {
    const ends = this.asked.filter(({ ending, endMs }) => ending === 'completed' && endMs >= sinceMs);
    let last = sinceMs;
    let longest = { lengthMs: 0, overMs: 0 };
    for (const { endMs } of ends.toSorted((a, b) => a.endMs - b.endMs)) {
      if (endMs - last > longest.lengthMs) longest = { lengthMs: endMs - last, overMs: endMs - sinceMs };
      last = endMs;
    }
    return longest;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await waitFor('the last probes', () => this.#open === 0, { boundMs: ANSWER_BOUND_MS * 2 });
  }

  async #run(base: string, key: string, label: string): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      if (this.#open < OPEN_MAX) {
        this.#open++;
        const call = { base, key, label: `${label}-${i}`, stream: false, boundMs: ANSWER_BOUND_MS };
        void ask(call, this.asked).then(() => this.#open--);
      }
      await sleep(EVERY_MS);
    }
  }
}
