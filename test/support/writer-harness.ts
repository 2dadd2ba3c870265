/** A usage-writer on its real thread, with this thread as its primary and as all of its fronts. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { configSchema } from '#config/schema.ts';
import { doorbellBytes } from '#coordinate/local/doorbells.ts';
import { CounterTable, counterBytes } from '#meter/counters.ts';
import type { PrimaryToWriter, SharedBlocks, WriterData, WriterToPrimary } from '#threads/protocol.ts';
import { pressureBytes, UsagePressure } from '#usage/pressure.ts';
import { KIND, type Kind, type UsageRecord } from '#usage/record.ts';
import { UsageRingProducer, usageRingBytes } from '#usage/ring.ts';
import { waitFor } from './wait-for.ts';

export interface HarnessOptions {
  databaseUrl: string;
  fronts?: number;
  /** Section `usage` of the configuration. */
  usage?: Record<string, number | string>;
  flushMs?: number;
  connectTimeoutMs?: number;
  /** Instead of a folder of its own, which goes with the test. */
  journalDir?: string;
}

const SMALL = { ringBytes: 65_536, journalBytesMax: 2 ** 26, segmentBytes: 2 ** 20 };
/** Longer than a loaded machine stands still. */
const PATIENT = { batchTimeoutMs: 15_000, replayWaitMs: 15_000 };
const MESSAGE_BOUND_MS = 45_000;

type Alarm = Extract<WriterToPrimary, { type: 'alarm' }>;
type Balances = Extract<WriterToPrimary, { type: 'balances' }>['entries'];

export class WriterHarness {
  readonly journalDir: string;
  readonly alarms: Alarm[] = [];
  readonly balances: Balances = [];
  readonly #options: HarnessOptions;
  #worker: Worker | null = null;
  #port: MessagePort | null = null;
  #shared: SharedBlocks | null = null;
  #messages: WriterToPrimary[] = [];
  #flushId = 0;
  producers: UsageRingProducer[] = [];
  failure: Error | null = null;
  /** Whether the last start was ready before its replay had ended. */
  replaying = false;

  private constructor(options: HarnessOptions) {
    this.#options = options;
    this.journalDir = options.journalDir ?? mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  }

  static async start(t: Pick<TestContext, 'after'>, options: HarnessOptions): Promise<WriterHarness> {
    const harness = new WriterHarness(options);
    t.after(() => harness.#remove());
    await harness.start();
    return harness;
  }

  /** A new process life on the same journal folder. Resolves to the number of rows it replayed. */
  async start(): Promise<number> {
    const { fronts = 1, usage = {}, flushMs = 30_000, connectTimeoutMs = 10_000, databaseUrl } = this.#options;
    const config = configSchema.parse({
      usage: { ...SMALL, ...PATIENT, ...usage },
      database: { connectTimeoutMs },
      shutdown: { flushMs },
      log: { level: 'silent' },
    });
    this.#shared = makeBlocks(fronts, config.usage.ringBytes);
    this.producers = this.#shared.usageRings.map((ring) => new UsageRingProducer(ring, this.pressure));
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#messages = [];
    port1.on('message', (message: WriterToPrimary) => this.#receive(message));
    const data: WriterData = { config, shared: this.#shared, port: port2, databaseUrl, journalDir: this.journalDir };
    this.#worker = new Worker(new URL('../../src/threads/usage-writer-thread.ts', import.meta.url), {
      workerData: data,
      transferList: [port2],
    });
    this.#worker.on('error', (error) => {
      this.failure = error as Error;
    });
    const ready = await this.#message('ready', (message) => message.type === 'ready');
    const { replayedRows, replaying } = ready as { replayedRows: number; replaying: boolean };
    this.replaying = replaying;
    return replayedRows;
  }

  get pressure(): UsagePressure {
    return new UsagePressure(this.#shared!.usagePressure);
  }

  get counters(): CounterTable {
    return new CounterTable(this.#shared!.counters);
  }

  get segments(): string[] {
    return readdirSync(this.journalDir).filter((name) => name.endsWith('.journal'));
  }

  /** Settles one exchange on a front; waits for room in its ring as admission would. */
  async record(record: UsageRecord, front = 0): Promise<void> {
    const producer = this.producers[front]!;
    await waitFor('room in the ring', () => producer.reserve());
    producer.push(record);
  }

  /** Leaves (or, as `void`, withdraws) an open record, as a front does while an answer is under way. */
  open(record: UsageRecord, front = 0, kind: Kind = KIND.open): boolean {
    return this.producers[front]!.tryPush({ ...record, status: 'open' }, kind);
  }

  /** Settles an exchange that had left an open record. */
  async closing(record: UsageRecord, front = 0): Promise<void> {
    const producer = this.producers[front]!;
    await waitFor('room in the ring', () => producer.reserve());
    producer.push(record, KIND.closing);
  }

  /** Until everything that was pushed so far is in the journal, on disk. */
  async journaled(): Promise<void> {
    const positions = this.producers.map(({ position }) => position);
    await waitFor('the records in the journal', () =>
      this.producers.every((producer, front) => producer.isDurable(positions[front]!)),
    );
  }

  async frontGone(front: number): Promise<number> {
    const answers = () => this.#messages.filter((message) => message.type === 'frontClosed');
    const before = answers().length;
    this.#tell({ type: 'frontGone', front });
    await waitFor('frontClosed from the usage-writer', () => answers().length > before);
    return answers().at(-1)!.rows;
  }

  async adopt(userIds: number[] = []): Promise<number> {
    const id = ++this.#flushId;
    this.#tell({ type: 'adopt', id, userIds });
    const answer = await this.#message('adopted', (message) => message.type === 'adopted' && message.id === id);
    return (answer as { replayedRows: number }).replayedRows;
  }

  async flush(): Promise<string | null> {
    const id = ++this.#flushId;
    this.#tell({ type: 'flush', id });
    const answer = await this.#message('flushed', (message) => message.type === 'flushed' && message.id === id);
    return (answer as { error: string | null }).error;
  }

  /** Ends the thread in order. Resolves to the rows that wait for the next start. */
  async drain(deadlineMs = 5000): Promise<number> {
    const worker = this.#worker!;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#tell({ type: 'drain', deadlineMs });
    const answer = await this.#message('drained', (message) => message.type === 'drained');
    this.#port?.close();
    await ended;
    this.#worker = null;
    return (answer as { rowsWaiting: number }).rowsWaiting;
  }

  /** Ends the thread at once, wherever it is. */
  async kill(): Promise<void> {
    await this.#worker?.terminate();
    this.#port?.close();
    this.#worker = null;
  }

  async alarm(name: Alarm['alarm'], on: boolean, boundMs = 20_000): Promise<void> {
    await waitFor(`alarm ${name} ${on}`, () => this.alarms.findLast((alarm) => alarm.alarm === name)?.on === on, {
      boundMs,
    });
  }

  #tell(message: PrimaryToWriter): void {
    this.#port!.postMessage(message);
  }

  #receive(message: WriterToPrimary): void {
    if (message.type === 'alarm') this.alarms.push(message);
    if (message.type === 'balances') this.balances.push(...message.entries);
    this.#messages.push(message);
  }

  async #message(what: string, fits: (message: WriterToPrimary) => boolean): Promise<WriterToPrimary> {
    return await waitFor(
      `${what} from the usage-writer`,
      () => {
        if (this.failure !== null) throw this.failure;
        return this.#messages.find(fits);
      },
      { boundMs: MESSAGE_BOUND_MS },
    );
  }

  async #remove(): Promise<void> {
    await this.kill();
    if (this.#options.journalDir === undefined) rmSync(this.journalDir, { recursive: true, force: true });
  }
}

/** Only the blocks that a usage-writer looks at have their size. */
function makeBlocks(fronts: number, ringBytes: number): SharedBlocks {
  const block = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);
  return {
    userSlots: block(8),
    accountSlots: block(8),
    userGenerations: block(8),
    accountGenerations: block(8),
    accountHealth: block(8),
    affinity: block(8),
    ledger: block(8),
    doorbells: block(doorbellBytes(fronts)),
    heartbeats: block(8),
    handover: block(4),
    tickets: block(8),
    bodyBudget: block(8),
    streamBudget: block(8),
    counters: block(counterBytes(fronts + 1)),
    usageRings: Array.from({ length: fronts }, () => block(usageRingBytes(ringBytes))),
    usagePressure: block(pressureBytes()),
  };
}
