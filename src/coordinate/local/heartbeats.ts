/**
 * One word a front that it raises a few times a second, in shared memory: primary sees whether a front still takes turns.
 *
 *   Int32:  [ front 0 | front 1 | … ]     value = number of beats, wraps
 *
 * Each front writes its own word, primary reads them all.
 */
export function heartbeatBytes(fronts: number): number {
  return fronts * 4;
}

export class Heartbeats {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  beat(front: number): void {
    Atomics.add(this.#words, front, 1);
  }

  count(front: number): number {
    return Atomics.load(this.#words, front);
  }
}
