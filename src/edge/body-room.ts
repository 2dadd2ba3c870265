/**
 * Room for request bodies, as one front sees it: the shared byte budget, and the bodies that wait until it has room again, first
 * come first served. Waiting bodies keep what the server had already handed over aside (its read buffer, up to 512 KiB a
 * connection): both their number and those bytes are bounded. Room given back by this front is handed on in the next turn of the
 * event loop, room given back by another front within one sweep.
 *
 *   add ──fits──► kept                                     ┌─ hold (paused, FIFO) ──serve──► kept, resumed
 *    └──does not fit, or others wait───────────────────────┤
 *                                                          └─ bounds met ──► 503
 *
 * Front thread only.
 */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';

/** A body that waits. */
export interface BodyWaiter {
  /** Takes the room it needs and goes on; false when there still is not enough. */
  retryRoom(): boolean;
}

export interface BodyRoomBounds {
  /** `limits.bodyBytesTotal`: what needs more than this never fits. */
  readonly bytesTotal: number;
  /** Bodies that may wait on this front. */
  readonly waitersMax: number;
  /** Bytes that they may keep aside. */
  readonly heldBytesMax: number;
}

export class BodyRoom {
  readonly #budget: Pick<ByteBudget, 'take' | 'give'>;
  readonly #bounds: BodyRoomBounds;
  /** Waiter → bytes kept aside; a Map keeps the order of arrival. */
  readonly #waiting = new Map<BodyWaiter, number>();
  #heldBytes = 0;
  #serving = false;
  #armed = false;

  constructor(budget: Pick<ByteBudget, 'take' | 'give'>, bounds: BodyRoomBounds) {
    this.#budget = budget;
    this.#bounds = bounds;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether so much can ever be had. */
  canEverFit(bytes: number): boolean {
    return bytes <= this.#bounds.bytesTotal;
  }

  /** Room for `bytes`, or nothing: a newcomer does not overtake those who wait. */
  take(bytes: number): boolean {
    if (this.#waiting.size > 0 && !this.#serving) return false;
    return this.#budget.take(bytes);
  }

  /** Room for an exchange that is already admitted: it may overtake, because its end is what the others wait for. */
  takeAhead(bytes: number): boolean {
    return this.#budget.take(bytes);
  }

  give(bytes: number): void {
    this.#budget.give(bytes);
    if (this.#waiting.size === 0 || this.#armed) return;
    this.#armed = true;
    setImmediate(this.#serveSoon);
  }

  /** Lets a body wait, or wait on, with `bytes` more kept aside; false when a bound is met. */
  hold(waiter: BodyWaiter, bytes: number): boolean {
    const held = this.#waiting.get(waiter);
    if (held === undefined && this.#waiting.size >= this.#bounds.waitersMax) return false;
    if (this.#heldBytes + bytes > this.#bounds.heldBytesMax) return false;
    this.#heldBytes += bytes;
    this.#waiting.set(waiter, (held ?? 0) + bytes);
    return true;
  }

  /** Leaves the queue, wherever in it; idempotent. */
  leave(waiter: BodyWaiter): void {
    const held = this.#waiting.get(waiter);
    if (held === undefined) return;
    this.#heldBytes -= held;
    this.#waiting.delete(waiter);
  }

  /** Serves waiters in their order until one does not fit. Also called by the sweep: other fronts give room back too. */
  serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      for (const waiter of this.#waiting.keys()) if (!waiter.retryRoom()) break;
    } finally {
      this.#serving = false;
    }
  }

  readonly #serveSoon = (): void => {
    this.#armed = false;
    this.serve();
  };
}
