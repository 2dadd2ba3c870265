/**
 * Traffic of every kind at a steady rate: whole and streamed answers on kept and new connections, clients that leave before or within
 * their answer, wrong keys, broken bodies, unknown models, large bodies; many keys and models. It runs in the process that starts
 * it and keeps counts alone, so that a run of hours does not grow it.
 */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { finish, open } from '../../test/support/http-client.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { waitFor } from '../../test/support/wait-for.ts';

export interface MixedOptions {
  base: string;
  keys: readonly string[];
  models: readonly string[];
  ratePerSecond: number;
  seed: number;
}

export interface MixedCounts {
  sent: number;
  /** Status 200 and a whole answer. */
  completed: number;
  /** Status 200 and a broken answer: the mock's faults. */
  broken: number;
  /** Answers that the client left. */
  left: number;
  /** By status. */
  refused: Record<string, number>;
  /** By the error's code. */
  unanswered: Record<string, number>;
  /** Requests that were due while too many were open. */
  skipped: number;
}

type Kind = 'json' | 'stream' | 'large' | 'leaveEarly' | 'leaveWithin' | 'wrongKey' | 'malformed' | 'unknownModel';

/** Shares of a hundred requests. */
const MIX: readonly [Kind, number][] = [
  ['json', 46],
  ['stream', 28],
  ['large', 4],
  ['leaveEarly', 4],
  ['leaveWithin', 9],
  ['wrongKey', 3],
  ['malformed', 3],
  ['unknownModel', 3],
];
const FRESH_SHARE = 0.3;
const OPEN_MAX = 500;
const ANSWER_BOUND_MS = 30_000;
/** Before the mock answers, which takes longer. */
const LEAVE_EARLY_MS = 4;
const LARGE_BYTES = 100_000;
const TICK_MS = 5;

export class MixedTraffic {
  readonly counts: MixedCounts = {
    sent: 0,
    completed: 0,
    broken: 0,
    left: 0,
    refused: {},
    unanswered: {},
    skipped: 0,
  };
  readonly #options: MixedOptions;
  readonly #random: () => number;
  readonly #kept = new Agent({ keepAlive: true, maxSockets: OPEN_MAX });
  readonly #done: Promise<void>;
  #open = 0;
  #stopped = false;

  constructor(options: MixedOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#done = this.#run();
  }

  /** No new requests; resolves when the open ones have ended and every connection is closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await waitFor('the last answers', () => this.#open === 0, { boundMs: ANSWER_BOUND_MS * 2 });
    this.#kept.destroy();
  }

  async #run(): Promise<void> {
    const startMs = performance.now();
    for (let due = 0; !this.#stopped; await sleep(TICK_MS)) {
      const until = ((performance.now() - startMs) / 1000) * this.#options.ratePerSecond;
      for (; due < until; due++) this.#begin();
    }
  }

  #begin(): void {
    if (this.#open >= OPEN_MAX) {
      this.counts.skipped++;
      return;
    }
    this.#open++;
    this.counts.sent++;
    void this.#request(this.#kind())
      .catch((error: { code?: string; message: string }) => {
        const cause = error.code ?? error.message.slice(0, 40);
        this.counts.unanswered[cause] = (this.counts.unanswered[cause] ?? 0) + 1;
      })
      .finally(() => this.#open--);
  }

  #kind(): Kind {
    let at = this.#random() * 100;
    for (const [kind, share] of MIX) {
      at -= share;
      if (at < 0) return kind;
    }
    return 'json';
  }

  async #request(kind: Kind): Promise<void> {
    const { base } = this.#options;
    const call = { key: this.#key(kind), body: this.#body(kind), ...this.#agent(), boundMs: ANSWER_BOUND_MS };
    if (kind === 'leaveEarly') return this.#leaveEarly(call);
    const response = await open(base, call);
    if (kind === 'leaveWithin' && response.statusCode === 200) {
      await new Promise<void>((resolve) => {
        response.once('data', () => resolve());
        response.once('close', () => resolve());
        response.on('error', () => {});
      });
      response.destroy();
      this.counts.left++;
      return;
    }
    const { status, whole, body } = await finish(response, 0, ANSWER_BOUND_MS);
    if (status !== 200) this.counts.refused[status] = (this.counts.refused[status] ?? 0) + 1;
    else if (whole && !body.includes('event: error\n')) this.counts.completed++;
    else this.counts.broken++;
  }

  async #leaveEarly(call: Parameters<typeof open>[1]): Promise<void> {
    const response = await open(this.#options.base, { ...call, boundMs: LEAVE_EARLY_MS }).catch(() => null);
    response?.on('error', () => {}).destroy();
    this.counts.left++;
  }

  #key(kind: Kind): string {
    if (kind === 'wrongKey') return `sk-ps-unknown-${Math.floor(this.#random() * 1e9)}`;
    return this.#pick(this.#options.keys);
  }

  #body(kind: Kind): object | string {
    if (kind === 'malformed') return '{"model": "claude-haiku-4-5", "messages": [';
    const model = kind === 'unknownModel' ? 'no-such-model' : this.#pick(this.#options.models);
    const content = kind === 'large' ? 'x'.repeat(LARGE_BYTES) : 'What does a penstock do? '.repeat(8);
    const stream = kind === 'stream' || kind === 'leaveWithin';
    return { model, max_tokens: 256, stream, messages: [{ role: 'user', content }] };
  }

  #agent(): { agent?: Agent } {
    return this.#random() < FRESH_SHARE ? {} : { agent: this.#kept };
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}
