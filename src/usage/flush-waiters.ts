/** Who waits for the journal up to a place to be in PostgreSQL. The usage-writer only. */
import type { JournalReader } from './journal-reader.ts';

/** An end of this process's own journal; number 0 stands for "what earlier processes left". */
export interface JournalEnd {
  number: number;
  offset: number;
}

export class FlushWaiters {
  #waiters: { end: JournalEnd; done: () => void }[] = [];

  get waiting(): boolean {
    return this.#waiters.length > 0;
  }

  add(end: JournalEnd): Promise<void> {
    return new Promise((done) => this.#waiters.push({ end, done }));
  }

  /** Answers those whose end lies behind the head of the queue. */
  resolvePassed({ segment, offset }: JournalReader): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter(({ end, done }) => {
      const passed =
        segment === null ||
        (segment.own && (segment.number > end.number || (segment.number === end.number && offset >= end.offset)));
      if (passed) done();
      return !passed;
    });
  }
}
