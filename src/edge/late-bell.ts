/**
 * Rings the usage-writer's bell once a turn of the event loop, behind the answers of that turn: on a busy core the thread that is woken
 * may run before the one that wakes it, and would come between an answer and its client. Front thread only.
 */
import type { Bell } from '#usage/pressure.ts';
import type { Flushable, FlushQueue } from './flush-queue.ts';

export class LateBell implements Bell, Flushable {
  readonly #bell: Bell;
  readonly #flushQueue: FlushQueue;
  #wanted = false;

  constructor(bell: Bell, flushQueue: FlushQueue) {
    this.#bell = bell;
    this.#flushQueue = flushQueue;
  }

  ringBell(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#flushQueue.addLast(this);
  }

  /** Called by the flush queue. */
  flush(): void {
    this.#wanted = false;
    this.#bell.ringBell();
  }
}
