/**
 * One word in shared memory by which primary tells its fronts that another process has taken over: limits and balances here are
 * only what this process had in use then, and more has to be asked for. Fronts look at it only when a reservation fails.
 *
 *   Int32:  [ 1 while handed over ]
 */
export const HANDOVER_WORD_BYTES = 4;

export class HandoverWord {
  readonly #word: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer);
  }

  get set(): boolean {
    return Atomics.load(this.#word, 0) === 1;
  }

  set set(on: boolean) {
    Atomics.store(this.#word, 0, on ? 1 : 0);
  }
}
