/** The usage-writer as primary sees it: started, flushed, drained; its alarms and balances handed on. Primary only. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { PrimaryToWriter, WriterData, WriterToPrimary } from './protocol.ts';

export type WriterAlarm = Extract<WriterToPrimary, { type: 'alarm' }>;
export type WriterBalances = Extract<WriterToPrimary, { type: 'balances' }>;

export interface WriterEvents {
  onAlarm(alarm: WriterAlarm): void;
  onBalances(balances: WriterBalances): void;
  /** The thread ended unasked: no usage can be written any more. */
  onLost(error: Error): void;
}

export class WriterHandle {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #events: WriterEvents;
  readonly #flushes = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly ready: Promise<{ replayedRows: number }>;
  #onReady: (answer: { replayedRows: number }) => void = () => {};
  #onDrained: (rowsWaiting: number) => void = () => {};
  #flushId = 0;
  #draining = false;

  constructor(data: Omit<WriterData, 'port'>, events: WriterEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#events = events;
    this.#worker = new Worker(new URL('./usage-writer.ts', import.meta.url), {
      workerData: { ...data, port: port2 } satisfies WriterData,
      transferList: [port2],
      name: 'usage-writer',
    });
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    port1.on('message', (message: WriterToPrimary) => this.#receive(message));
    let failure = new Error('the usage-writer ended');
    this.#worker.on('error', (error) => {
      failure = error as Error;
    });
    this.#worker.once('exit', () => {
      if (!this.#draining) events.onLost(failure);
    });
  }

  /** Resolves once every record made before is in PostgreSQL; rejects with the reason when that cannot be. */
  flush(): Promise<void> {
    const id = ++this.#flushId;
    return new Promise((resolve, reject) => {
      this.#flushes.set(id, { resolve, reject });
      this.#tell({ type: 'flush', id });
    });
  }

  /** Resolves to the rows that stay in the journal for the next start; the thread has ended. */
  async drain(deadlineMs: number): Promise<number> {
    this.#draining = true;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
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
      case 'flushed': {
        const flush = this.#flushes.get(message.id);
        this.#flushes.delete(message.id);
        return message.error === null ? flush?.resolve() : flush?.reject(new Error(message.error));
      }
    }
  }
}
