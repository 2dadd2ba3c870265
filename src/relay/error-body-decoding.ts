/**
 * Decodes the short body of an error that came compressed, all at once, when it has come whole: what it says of its account is read as
 * from a plain one. At most `JUDGED_BYTES_MAX` come out of it. Front thread only; the work is done by the process's helper threads.
 */
import type { Coding } from '#base/codings.ts';
import { type AnswerBudget, AnswerInflation, type AnswerInflationOwner } from './answer-inflation.ts';
import { JUDGED_BYTES_MAX } from './error-body.ts';

export class ErrorBodyDecoding implements AnswerInflationOwner {
  readonly #inflation: AnswerInflation;
  readonly #onDone: (body: Uint8Array | null) => void;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** `onDone` is called once, unless it is dropped: null where there is no room, it is not valid, or too long. */
  constructor(coding: Coding, budget: AnswerBudget, onDone: (body: Uint8Array | null) => void) {
    this.#onDone = onDone;
    this.#inflation = new AnswerInflation(coding, budget, this);
  }

  get budgetedBytes(): number {
    return this.#inflation.budgetedBytes;
  }

  /** Not empty. */
  start(body: Uint8Array): void {
    this.#inflation.push(body);
    this.#inflation.end();
  }

  drop(): void {
    this.#inflation.drop();
  }

  onInflatedAnswer(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > JUDGED_BYTES_MAX) this.#end(null);
  }

  onInflatedAnswerEnd(): void {
    this.#end(Buffer.concat(this.#chunks));
  }

  onInflatedAnswerFault(): void {
    this.#end(null);
  }

  onInflatedAnswerError(): void {
    this.#end(null);
  }

  onInflationBehind(): void {}

  onInflationCaughtUp(): void {}

  #end(body: Uint8Array | null): void {
    this.drop();
    this.#onDone(body);
  }
}
