/**
 * Pauses between tries: doubling, bounded, with jitter so that threads and hosts do not try in step. Any thread; keeps no timer.
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #tries = 0;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  /** The pause before the next try: half to whole of what doubling gives. */
  nextMs(): number {
    const fullMs = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#tries++, 30));
    return fullMs * (0.5 + Math.random() / 2);
  }

  /** A try succeeded. */
  reset(): void {
    this.#tries = 0;
  }
}
