/**
 * One doorbell word a front, in shared memory: a thread that did something for a front rings its bell, the front looks at what it
 * was waiting for. A bell carries no message and is no queue: `Atomics.waitAsync` waiters cannot be cancelled, so each front
 * keeps exactly one for its whole life (measured: 90–120 µs from ring to wake across threads, also while the server idles).
 *
 *   Int32:  [ front 0 | front 1 | … ]     value = number of rings, wraps
 */
export function doorbellBytes(fronts: number): number {
  return fronts * 4;
}

export class Doorbells {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  ring(front: number): void {
    Atomics.add(this.#words, front, 1);
    Atomics.notify(this.#words, front);
  }

  /**
   * Calls `onRing` after every ring (several rings may be one call) until `stop` is called. Does not keep the thread alive.
   */
  listen(front: number, onRing: () => void): { stop(): void } {
    let stopped = false;
    const wait = (seen: number): void => {
      const answer = Atomics.waitAsync(this.#words, front, seen);
      if (!answer.async) return void setImmediate(wake);
      answer.value.then(wake);
    };
    const wake = (): void => {
      if (stopped) return;
      const seen = Atomics.load(this.#words, front);
      onRing();
      wait(seen);
    };
    wait(Atomics.load(this.#words, front));
    return {
      stop: () => {
        stopped = true;
      },
    };
  }
}
