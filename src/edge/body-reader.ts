/**
 * Receives one request body into one buffer drawn from the shared byte budget: one copy a chunk, because the server's chunk dies
 * when its handler returns. A declared length is not allocated before the first byte came; a chunked body grows by doubling.
 *
 * Front thread only.
 */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import type { FailureCode } from '#failure/registry.ts';

const CHUNKED_BYTES_MIN = 16 * 1024;
const EMPTY = new Uint8Array(0);

export class BodyReader {
  readonly #budget: ByteBudget;
  readonly #bytesMax: number;
  readonly #declared: number;
  #buffer: Uint8Array = EMPTY;
  #taken = 0;
  #length = 0;

  /** `declared`: Content-Length, −1 when chunked. */
  constructor(budget: ByteBudget, bytesMax: number, declared: number) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
    this.#declared = declared;
  }

  get length(): number {
    return this.#length;
  }

  /** What it has of the budget. */
  get heldBytes(): number {
    return (this.#taken + 1023) & ~1023;
  }

  /** The bytes received; valid until `free`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds a chunk. Returns a failure instead when the body is too large or the budget is used up. */
  add(chunk: ArrayBuffer, isLast: boolean): FailureCode | null {
    const length = this.#length + chunk.byteLength;
    if (length > this.#bytesMax) return 'body_too_large';
    if (length > this.#buffer.length) {
      const room = this.#roomFor(length, isLast);
      if (!this.#grow(room)) return 'body_budget_exhausted';
    }
    this.#buffer.set(new Uint8Array(chunk), this.#length);
    this.#length = length;
    return null;
  }

  /** Gives the budget back; the bytes must not be used any more. Idempotent. */
  free(): void {
    if (this.#taken > 0) this.#budget.give(this.#taken);
    this.#taken = 0;
    this.#buffer = EMPTY;
  }

  #roomFor(length: number, isLast: boolean): number {
    if (isLast) return length;
    if (this.#declared >= length) return Math.min(this.#declared, this.#bytesMax);
    return Math.min(Math.max(length, this.#buffer.length * 2, CHUNKED_BYTES_MIN), this.#bytesMax);
  }

  #grow(room: number): boolean {
    if (!this.#budget.take(room)) return false;
    const grown = Buffer.allocUnsafe(room);
    grown.set(this.#buffer.subarray(0, this.#length));
    if (this.#taken > 0) this.#budget.give(this.#taken);
    this.#taken = room;
    this.#buffer = grown;
    return true;
  }
}
