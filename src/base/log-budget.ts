/**
 * How many lines of one kind a thread may log in a second: an error storm must not become a log storm, because logging is
 * synchronous. What was left out is told with the next line that is allowed.
 */
import { nowMs } from './clock.ts';

const WINDOW_MS = 1000;

export class LogBudget {
  readonly #linesPerSecond: number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOut = 0;

  constructor(linesPerSecond: number) {
    this.#linesPerSecond = linesPerSecond;
  }

  /** Whether a line may be logged now. */
  take(now: number = nowMs()): boolean {
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#lines = 0;
    }
    if (this.#lines >= this.#linesPerSecond) {
      this.#leftOut++;
      return false;
    }
    this.#lines++;
    return true;
  }

  /** Lines left out since this was last asked; put it into the line that `take` allowed. */
  leftOut(): number {
    const count = this.#leftOut;
    this.#leftOut = 0;
    return count;
  }
}
