/**
 * The attempts of one front that have not ended, with the account row whose place each holds; also those that their exchange has
 * left behind. Kept only while the tables are audited (`PENSTOCK_ASSERT=1`). Front thread only.
 */
import type { UpstreamAttempt } from '#relay/attempt.ts';

export class LiveAttempts {
  readonly #attempts = new Map<UpstreamAttempt, number>();

  add(attempt: UpstreamAttempt, row: number): void {
    this.#attempts.set(attempt, row);
  }

  /** Account rows of those that still run; ended ones are forgotten. */
  rows(): number[] {
    for (const attempt of this.#attempts.keys()) if (attempt.over) this.#attempts.delete(attempt);
    return [...this.#attempts.values()];
  }
}
