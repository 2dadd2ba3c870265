/**
 * How long primary waits before it starts a front again: not at all the first time, then longer with each failure; from the start
 * after a front has served well for a while. Primary only.
 */
const PAUSES_MS = [0, 100, 1000, 5000] as const;
/** A front that served this long has recovered. */
export const STABLE_MS = 30_000;

export class ReplacePauses {
  #failures = 0;

  /** The pause after a front that listened for `servedMs` (0: never). */
  next(servedMs: number): number {
    if (servedMs >= STABLE_MS) this.#failures = 0;
    const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)]!;
    this.#failures++;
    return pause;
  }
}
