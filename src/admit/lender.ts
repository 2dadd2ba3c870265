/**
 * Money for an exchange of a process that another one has replaced: the balance here covers only what was outstanding then, so what a
 * late request on an old connection needs is asked for, through primary, from the process that holds the balance. Rare, and the
 * only admission that waits for a message; bounded in time. Front thread only.
 */
import { nowMs } from '#base/clock.ts';

/** Longest wait for an answer; the other process may be starting just now. */
const BORROW_MS = 5_000;

export interface Ask {
  id: number;
  userRow: number;
  nanoUsd: bigint;
}

export type BorrowAnswer = 'granted' | 'refused' | 'late';

interface Pending {
  readonly untilMs: number;
  readonly onAnswer: (answer: BorrowAnswer) => void;
}

export class Lender {
  readonly #handedOver: { readonly set: boolean };
  readonly #ask: (ask: Ask) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(handedOver: { readonly set: boolean }, ask: (ask: Ask) => void) {
    this.#handedOver = handedOver;
    this.#ask = ask;
  }

  /** Whether there is somebody to ask. */
  get open(): boolean {
    return this.#handedOver.set;
  }

  /** `granted`: reserve again, and ask again if another exchange was faster. Called exactly once, never synchronously. */
  ask(userRow: number, nanoUsd: bigint, onAnswer: (answer: BorrowAnswer) => void): void {
    const id = ++this.#lastId;
    this.#pending.set(id, { untilMs: nowMs() + BORROW_MS, onAnswer });
    this.#ask({ id, userRow, nanoUsd });
  }

  answer(id: number, granted: boolean): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.onAnswer(granted ? 'granted' : 'refused');
  }

  /** Ends what waited too long. */
  sweep(now: number): void {
    for (const [id, { untilMs, onAnswer }] of this.#pending) {
      if (now < untilMs) return;
      this.#pending.delete(id);
      onAnswer('late');
    }
  }
}
