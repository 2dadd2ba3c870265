/**
 * Decodes an upstream's answer that came compressed although identity was asked for, between the attempt and its exchange: what comes out
 * goes on at once, in order, and whatever ends the answer is told behind it. An upstream that sends faster than its bytes are decoded, or
 * than the client reads, is held back. The memory of decoders counts against the budget for answers.
 *
 *   fresh ──first bytes──► decoding ──end, all given on──► onAnswerEnd
 *     └──no room───────────┐   ├──not valid───────────────► onAnswerFault
 *                          ▼   └──fail, all given on──────► onAnswerError
 *                    onAnswerFault
 *
 * Nothing is told after `drop`, nor after an end. Front thread only; the work is done by the process's helper threads.
 */
import { type Coding, decoderBytes } from '#base/codings.ts';
import { Inflater, type InflaterSink } from '#base/inflater.ts';
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { UpstreamError, type UpstreamErrorCode } from './upstream-error.ts';

/** Compressed bytes that may wait for the decoder before the upstream is held back: two reads. */
const BEHIND_BYTES = 128 * 1024;

export type AnswerBudget = Pick<ByteBudget, 'take' | 'give'>;

export interface AnswerInflationOwner {
  onInflatedAnswer(chunk: Uint8Array): void;
  onInflatedAnswerEnd(): void;
  /** The upstream's own failure, behind everything that came before it. */
  onInflatedAnswerError(error: Error & { code?: string }): void;
  /** It cannot be decoded, or there is no room to, which is no fault of the upstream's: it is to be broken off. */
  onInflatedAnswerFault(error: UpstreamError): void;
  /** The decoder is behind; and it has caught up. */
  onInflationBehind(): void;
  onInflationCaughtUp(): void;
}

export class AnswerInflation implements InflaterSink {
  readonly #coding: Coding;
  readonly #budget: AnswerBudget;
  readonly #owner: AnswerInflationOwner;
  readonly #inflater: Inflater;
  #budgeted = 0;
  #waitingBytes = 0;
  #behind = false;
  #error: (Error & { code?: string }) | null = null;
  #over = false;

  constructor(coding: Coding, budget: AnswerBudget, owner: AnswerInflationOwner) {
    this.#coding = coding;
    this.#budget = budget;
    this.#owner = owner;
    this.#inflater = new Inflater(coding, this);
  }

  /** The upstream is to be held back. */
  get behind(): boolean {
    return this.#behind;
  }

  get budgetedBytes(): number {
    return this.#budgeted;
  }

  push(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#budgeted === 0 && !this.#takeBudget(chunk))
      return this.#break('NO_ROOM_TO_DECODE', 'no decoder has room');
    this.#waitingBytes += chunk.length;
    this.#inflater.push(chunk);
    if (this.#waitingBytes <= BEHIND_BYTES || this.#behind) return;
    this.#behind = true;
    this.#owner.onInflationBehind();
  }

  /** The upstream has ended the answer. */
  end(): void {
    this.#inflater.end();
  }

  /** The upstream has failed: told once everything before it has been given on. */
  fail(error: Error & { code?: string }): void {
    this.#error = error;
    this.#tellError();
  }

  pause(): void {
    this.#inflater.pause();
  }

  resume(): void {
    this.#inflater.resume();
    this.#tellError();
  }

  /** Idempotent. */
  drop(): void {
    this.#over = true;
    this.#inflater.destroy();
    if (this.#budgeted > 0) this.#budget.give(this.#budgeted);
    this.#budgeted = 0;
  }

  onInflated(chunk: Uint8Array): void {
    this.#owner.onInflatedAnswer(chunk);
    this.#tellError();
  }

  onHungry(): void {
    this.#waitingBytes = 0;
    if (this.#behind) {
      this.#behind = false;
      this.#owner.onInflationCaughtUp();
    }
    this.#tellError();
  }

  onInflatedEnd(): void {
    this.drop();
    this.#owner.onInflatedAnswerEnd();
  }

  onFault(fault: string): void {
    this.#break('Z_DATA_ERROR', `its content-encoding is ${this.#coding}, but ${fault}`);
  }

  #takeBudget(first: Uint8Array): boolean {
    const bytes = decoderBytes(this.#coding, first);
    if (!this.#budget.take(bytes)) return false;
    this.#budgeted = bytes;
    return true;
  }

  #tellError(): void {
    const error = this.#error;
    if (error === null || this.#over || !this.#inflater.idle) return;
    this.drop();
    this.#owner.onInflatedAnswerError(error);
  }

  #break(code: UpstreamErrorCode, reason: string): void {
    this.drop();
    this.#owner.onInflatedAnswerFault(new UpstreamError(code, reason));
  }
}
