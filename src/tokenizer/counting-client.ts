/**
 * A front's way to the counting pool on primary. Bounded: so many counts and so many bytes may be out at once, and they are out until
 * primary has answered, however long ago whoever asked was told `late`. One timer, for the oldest. Front thread only.
 *
 *   countRequest ─► too_large │ busy          at once, nothing was taken
 *              └──► asked ─► onCounted({tokens, method} │ busy │ late │ failed)    exactly once, at the latest after deadlineMs
 */
import { assert } from '#base/assert.ts';
import { nowMs } from '#base/clock.ts';
import { type CountJob, copyBytes, copyTexts, giveBody, givenBytes, type RangeLists } from './count-job.ts';
import { type CountMethod, methodFor, scaleTokens, structureTokens } from './count-method.ts';
import type { Counted } from './counting-pool.ts';

export interface ClientLimits {
  /** Counts that may be out at once; 0: nothing is ever counted. */
  jobs: number;
  /** Bytes that they may hold together. */
  bytes: number;
  jobBytesMax: number;
  deadlineMs: number;
}

export interface CountRequest {
  /** The name that decides the method (`count-method.ts`). */
  model: string;
  body: Uint8Array;
  /** Lists of ranges `start, end, …` in the body: contents of JSON strings, escapes as they stand (`systemSpans` and `messageSpans` of facts). */
  texts: RangeLists;
  /** Ranges that are counted as they stand: JSON of tools and schemas, plain text. */
  plain: RangeLists;
  /** Numbers of messages and tools; 0 and 0 for an answer's text. */
  messages: number;
  tools: number;
  /**
   * The body has memory of its own and the caller needs it no more: it is transferred, and empty afterwards, unless the request is
   * refused at once. Otherwise the texts are copied.
   */
  give: boolean;
}

/** `tokens`: of the texts and the request's structure, by the method. */
export type CountOutcome = { tokens: number; method: CountMethod } | 'busy' | 'late' | 'failed';

interface Pending {
  readonly bytes: number;
  readonly untilMs: number;
  readonly method: CountMethod;
  readonly structure: number;
  /** Null: told `late` already. */
  onCounted: ((outcome: CountOutcome) => void) | null;
}

export class CountingClient {
  readonly #limits: ClientLimits;
  readonly #ask: (id: number, job: CountJob) => void;
  /** By id, the oldest first. */
  readonly #pending = new Map<number, Pending>();
  #bytes = 0;
  #lastId = 0;
  #timer: NodeJS.Timeout | null = null;

  /** `ask` sends the job to primary and transfers what it holds (`jobTransfers`). */
  constructor(limits: ClientLimits, ask: (id: number, job: CountJob) => void) {
    this.#limits = limits;
    this.#ask = ask;
  }

  /** Counts that primary has not answered. */
  get size(): number {
    return this.#pending.size;
  }

  /** Null: asked, and `onCounted` is called exactly once, never synchronously. */
  countRequest(
    { model, body, texts, plain, messages, tools, give }: CountRequest,
    onCounted: (outcome: CountOutcome) => void,
  ): 'too_large' | 'busy' | null {
    const bytes = give ? givenBytes(body, texts, plain) : copyBytes(texts, plain);
    if (bytes > this.#limits.jobBytesMax) return 'too_large';
    if (this.#pending.size >= this.#limits.jobs || this.#bytes + bytes > this.#limits.bytes) return 'busy';
    const method = methodFor(model);
    const untilMs = nowMs() + this.#limits.deadlineMs;
    const id = ++this.#lastId;
    const structure = structureTokens(method, messages, tools);
    this.#pending.set(id, { bytes, untilMs, method, structure, onCounted });
    this.#bytes += bytes;
    const packed = give ? giveBody(body, texts, plain) : copyTexts(body, texts, plain);
    this.#ask(id, { encoding: method.encoding, ...packed, untilMs });
    this.#timer ??= setTimeout(() => this.#expire(), this.#limits.deadlineMs);
    return null;
  }

  /** Primary's answer. */
  answer(id: number, counted: Counted): void {
    const pending = this.#pending.get(id);
    assert(pending !== undefined, 'a count is answered that was not asked for');
    this.#pending.delete(id);
    this.#bytes -= pending.bytes;
    const { method, structure, onCounted } = pending;
    if (typeof counted === 'string') return onCounted?.(counted);
    onCounted?.({ tokens: scaleTokens(method, counted) + structure, method });
  }

  /** The thread ends: nobody is called any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const pending of this.#pending.values()) pending.onCounted = null;
  }

  #expire(): void {
    this.#timer = null;
    const now = nowMs();
    for (const pending of this.#pending.values()) {
      const { untilMs, onCounted } = pending;
      if (onCounted === null) continue;
      if (untilMs > now) {
        this.#timer = setTimeout(() => this.#expire(), untilMs - now);
        return;
      }
      pending.onCounted = null;
      onCounted('late');
    }
  }
}
