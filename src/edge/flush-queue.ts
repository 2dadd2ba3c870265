/**
 * Collects the replies that got bytes in this turn of the event loop and writes each once, right after the loop has read all
 * sockets: the cost of relaying is the write call, so what came together leaves together. Front thread only.
 */
export interface Flushable {
  flush(): void;
}

export class FlushQueue {
  #dirty: Flushable[] = [];
  #spare: Flushable[] = [];
  #armed = false;

  add(reply: Flushable): void {
    this.#dirty.push(reply);
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#armed = false;
    const batch = this.#dirty;
    this.#dirty = this.#spare;
    let done = 0;
    try {
      while (done < batch.length) batch[done++]!.flush();
    } finally {
      // One that throws (a bug, which ends this front) takes no other's last bytes with it.
      for (let i = done; i < batch.length; i++) this.add(batch[i]!);
      batch.length = 0;
      this.#spare = batch;
    }
  };
}
