/**
 * Collects the replies that got bytes in this turn of the event loop and writes each once, right after the loop has read all
 * sockets: the cost of relaying is the write call, so what came together leaves together. Behind them comes what no client waits
 * for. Front thread only.
 */
export interface Flushable {
  flush(): void;
}

export class FlushQueue {
  /** Both lists keep their length, the longest that a turn had: emptying one would drop its memory, once a turn. */
  #dirty: (Flushable | null)[] = [];
  #spare: (Flushable | null)[] = [];
  #dirtyCount = 0;
  readonly #last: Flushable[] = [];
  #armed = false;

  add(reply: Flushable): void {
    const at = this.#dirtyCount++;
    if (at < this.#dirty.length) this.#dirty[at] = reply;
    else this.#dirty.push(reply);
    this.#arm();
  }

  /** Its turn comes behind all replies, also when it is added while those are written. */
  addLast(work: Flushable): void {
    this.#last.push(work);
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#armed = false;
    const batch = this.#dirty;
    const count = this.#dirtyCount;
    this.#dirty = this.#spare;
    this.#dirtyCount = 0;
    this.#spare = batch;
    let done = 0;
    try {
      while (done < count) this.#take(batch, done++).flush();
      this.#flushLast();
    } finally {
      // One that throws (a bug, which ends this front) takes no other's last bytes with it.
      while (done < count) this.add(this.#take(batch, done++));
      if (this.#last.length > 0) this.#arm();
    }
  };

  /** What these add is done in the same go; one that throws is not tried again. */
  #flushLast(): void {
    let done = 0;
    try {
      while (done < this.#last.length) this.#last[done++]!.flush();
    } finally {
      this.#last.splice(0, done);
    }
  }

  /** A list that is kept keeps no reply. */
  #take(batch: (Flushable | null)[], at: number): Flushable {
    const reply = batch[at]!;
    batch[at] = null;
    return reply;
  }
}
