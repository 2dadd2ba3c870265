/** The usage-writer as primary sees it: started, flushed, drained; its alarms and balances handed on. Primary only. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { UsageRecord } from '#usage/record.ts';
import type { PrimaryToWriter, WriterData, WriterToPrimary } from './protocol.ts';
import type { ThreadHandle, ThreadStarter } from './thread-starter.ts';

export type WriterAlarm = Extract<WriterToPrimary, { type: 'alarm' }>;
export type WriterReady = Pick<Extract<WriterToPrimary, { type: 'ready' }>, 'replayedRows' | 'replaying'>;
export type WriterBalances = Extract<WriterToPrimary, { type: 'balances' }>;

export interface WriterEvents {
  onAlarm(alarm: WriterAlarm): void;
  onBalances(balances: WriterBalances): void;
  /** The thread ended unasked: no usage can be written any more. */
  onLost(error: Error): void;
}

export class WriterHandle {
  readonly #thread: ThreadHandle;
  readonly #port: MessagePort;
  readonly #events: WriterEvents;
  readonly #flushes = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #adoptions = new Map<number, (answer: { replayedRows: number }) => void>();
  readonly #appends = new Map<number, (kept: boolean) => void>();
  readonly #goneFronts = new Map<number, (() => void)[]>();
  readonly ready: Promise<WriterReady>;
  #onReady: (answer: WriterReady) => void = () => {};
  #onDrained: (rowsWaiting: number) => void = () => {};
  #nextId = 0;
  #draining = false;

  constructor(threads: ThreadStarter, data: Omit<WriterData, 'port'>, events: WriterEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#events = events;
    this.#thread = threads.writer({ ...data, port: port2 });
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    port1.on('message', (message: WriterToPrimary) => this.#receive(message));
    let failure = new Error('the usage-writer ended');
    this.#thread.on('error', (error) => {
      failure = error;
    });
    this.#thread.once('exit', () => {
      if (!this.#draining) events.onLost(failure);
    });
  }

  /** Resolves once every record made before is in PostgreSQL; rejects with the reason when that cannot be. */
  flush(): Promise<void> {
    const id = ++this.#nextId;
    return new Promise((resolve, reject) => {
      this.#flushes.set(id, { resolve, reject });
      this.#tell({ type: 'flush', id });
    });
  }

  /** A record that no front makes. Resolves once it is in the journal, on disk; false when the disk does not take it. */
  append(record: UsageRecord): Promise<boolean> {
    const id = ++this.#nextId;
    return new Promise((resolve) => {
      this.#appends.set(id, resolve);
      this.#tell({ type: 'append', id, record });
    });
  }

  /** Turns what a front that died had open into rows; resolves when that is in the journal. */
  frontGone(front: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goneFronts.set(front, [...(this.#goneFronts.get(front) ?? []), resolve]);
      this.#tell({ type: 'frontGone', front });
    });
  }

  /**
   * Takes over the journals of gateway processes that have ended since. Resolves once their rows are in PostgreSQL and the balances of
   * `userIds` (and of all whose rows were replayed) have been told, or PostgreSQL is away.
   */
  adopt(userIds: number[] = []): Promise<{ replayedRows: number }> {
    const id = ++this.#nextId;
    return new Promise((resolve) => {
      this.#adoptions.set(id, resolve);
      this.#tell({ type: 'adopt', id, userIds });
    });
  }

  /** Resolves to the rows that stay in the journal for the next start; the thread has ended. */
  async drain(deadlineMs: number): Promise<number> {
    this.#draining = true;
    const ended = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()));
    const rowsWaiting = await new Promise<number>((resolve) => {
      this.#onDrained = resolve;
      this.#tell({ type: 'drain', deadlineMs });
    });
    this.#port.close();
    await ended;
    return rowsWaiting;
  }

  #tell(message: PrimaryToWriter): void {
    this.#port.postMessage(message);
  }

  #receive(message: WriterToPrimary): void {
    switch (message.type) {
      case 'ready':
        return this.#onReady(message);
      case 'drained':
        return this.#onDrained(message.rowsWaiting);
      case 'alarm':
        return this.#events.onAlarm(message);
      case 'balances':
        return this.#events.onBalances(message);
      case 'frontClosed': {
        const waiting = this.#goneFronts.get(message.front) ?? [];
        waiting.shift()?.();
        if (waiting.length === 0) this.#goneFronts.delete(message.front);
        return;
      }
      case 'adopted': {
        const adopted = this.#adoptions.get(message.id);
        this.#adoptions.delete(message.id);
        return adopted?.(message);
      }
      case 'appended': {
        const appended = this.#appends.get(message.id);
        this.#appends.delete(message.id);
        return appended?.(message.kept);
      }
      case 'flushed': {
        const flush = this.#flushes.get(message.id);
        this.#flushes.delete(message.id);
        return message.error === null ? flush?.resolve() : flush?.reject(new Error(message.error));
      }
    }
  }
}
