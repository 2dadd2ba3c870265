/**
 * Turns at decoding a compressed body, on one front: so many at once, the others one after another in the order of their coming. Front
 * thread only.
 *
 *   take ──one is free──► running ──give──► the first of those that wait runs
 *    ├────none is───────► waiting ──give──► has left
 *    └────too many wait─► refused
 */
export interface TurnTaker {
  /** It waited, and its turn has come. */
  onTurn(): void;
}

export class InflateTurns {
  readonly #runningMax: number;
  readonly #waitersMax: number;
  readonly #running = new Set<TurnTaker>();
  readonly #waiting = new Set<TurnTaker>();

  constructor(runningMax: number, waitersMax: number) {
    this.#runningMax = runningMax;
    this.#waitersMax = waitersMax;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  take(taker: TurnTaker): 'runs' | 'waits' | 'full' {
    if (this.#running.size < this.#runningMax) {
      this.#running.add(taker);
      return 'runs';
    }
    if (this.#waiting.size >= this.#waitersMax) return 'full';
    this.#waiting.add(taker);
    return 'waits';
  }

  /** The turn is over, or is wanted no more; idempotent. */
  give(taker: TurnTaker): void {
    if (this.#waiting.delete(taker) || !this.#running.delete(taker)) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#running.add(next);
    next.onTurn();
  }
}
