/**
 * The one budget that all request bodies of the process draw on. Counted in KiB so that one Int32 word reaches to 2 TiB.
 *
 *   Int32:  [ KiB in use ]
 */
export const BYTE_BUDGET_BYTES = 4;

export class ByteBudget {
  readonly #used: Int32Array;
  readonly #maxKiB: number;

  constructor(buffer: SharedArrayBuffer, bytesMax: number) {
    this.#used = new Int32Array(buffer);
    this.#maxKiB = Math.floor(bytesMax / 1024);
  }

  /** Takes room for `bytes` (rounded up to KiB), or nothing. */
  take(bytes: number): boolean {
    const kib = toKiB(bytes);
    if (Atomics.add(this.#used, 0, kib) + kib <= this.#maxKiB) return true;
    Atomics.sub(this.#used, 0, kib);
    return false;
  }

  /** Gives back what `take(bytes)` took. */
  give(bytes: number): void {
    Atomics.sub(this.#used, 0, toKiB(bytes));
  }

  get usedBytes(): number {
    return Atomics.load(this.#used, 0) * 1024;
  }
}

function toKiB(bytes: number): number {
  return (bytes + 1023) >>> 10;
}
