/**
 * A budget of bytes that all fronts draw on: one for request bodies, one for answers that wait for slow readers. Counted in KiB so
 * that one Int32 word reaches to 2 TiB.
 *
 *   Int32:  [ KiB in use | of owner 0 | of owner 1 | … ]      order of writes and the undoing of a dead owner: `owners.ts`
 *
 * Fronts take and give; primary reads, and gives back for owners that are gone.
 */
export function byteBudgetBytes(owners: number): number {
  return (1 + owners) * 4;
}

export class ByteBudget {
  readonly #words: Int32Array;
  readonly #maxKiB: number;
  readonly #own: number;

  /** `owner`: for whom this instance takes and gives. */
  constructor(buffer: SharedArrayBuffer, bytesMax: number, owner: number) {
    this.#words = new Int32Array(buffer);
    this.#maxKiB = Math.floor(bytesMax / 1024);
    this.#own = 1 + owner;
  }

  /** Takes room for `bytes` (rounded up to KiB), or nothing. */
  take(bytes: number): boolean {
    const kib = toKiB(bytes);
    Atomics.add(this.#words, this.#own, kib);
    for (;;) {
      const used = Atomics.load(this.#words, 0);
      if (used + kib > this.#maxKiB) break;
      if (Atomics.compareExchange(this.#words, 0, used, used + kib) === used) return true;
    }
    Atomics.sub(this.#words, this.#own, kib);
    return false;
  }

  /** Gives back what `take(bytes)` took. */
  give(bytes: number): void {
    this.#giveKiB(toKiB(bytes));
  }

  get usedBytes(): number {
    return Atomics.load(this.#words, 0) * 1024;
  }

  /** Bytes that one owner has, in whole KiB. */
  heldBytes(owner: number): number {
    return Atomics.load(this.#words, 1 + owner) * 1024;
  }

  /** Primary, for an owner that is gone: gives back what it had. Returns the bytes. */
  reclaim(owner: number): number {
    const kib = Atomics.load(this.#words, 1 + owner);
    Atomics.sub(this.#words, 0, kib);
    Atomics.sub(this.#words, 1 + owner, kib);
    return kib * 1024;
  }

  #giveKiB(kib: number): void {
    Atomics.sub(this.#words, 0, kib);
    Atomics.sub(this.#words, this.#own, kib);
  }
}

function toKiB(bytes: number): number {
  return (bytes + 1023) >>> 10;
}
