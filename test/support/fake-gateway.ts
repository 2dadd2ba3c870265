/** A control server over a store in memory and counters that a test writes itself. */
import { createLogger } from '#base/logger.ts';
import type { Alarm, Check, ControlContext, ControlGauges, ControlJobs, Readiness } from '#control/context.ts';
import type { OperatorStore } from '#control/operator-store.ts';
import { type ControlServer, startControlServer } from '#control/server.ts';
import { CounterRow, CounterTable, counterBytes } from '#meter/counters.ts';
import { JobFigures } from '#meter/job-figures.ts';
import { MemoryStore } from './memory-store.ts';

export const TOKEN = 'test-admin-token';

export class FakeGateway<Store extends OperatorStore = MemoryStore> implements ControlContext {
  readonly log;
  readonly logged: string[] = [];
  readonly store: Store;
  readonly #buffer = new SharedArrayBuffer(counterBytes(3));
  readonly counters = new CounterTable(this.#buffer);
  /** Two fronts and the usage-writer. */
  readonly rows = [0, 1, 2].map((row) => new CounterRow(this.#buffer, row));
  readonly published: string[][] = [];
  readonly figures = new JobFigures();
  state: Readiness = { ready: true, reasons: [] };
  ringing: Alarm[] = [];
  found: Check[] = [];
  flushFault: Error | null = null;
  server!: ControlServer;

  private constructor(store: Store) {
    this.store = store;
    this.log = createLogger({ level: 'warn', thread: 'test' }, { write: (line) => void this.logged.push(line) });
  }

  static start(): Promise<FakeGateway>;
  static start<Store extends OperatorStore>(parts: { store: Store }): Promise<FakeGateway<Store>>;
  static async start(parts?: { store: OperatorStore }): Promise<FakeGateway<OperatorStore>> {
    const gateway = new FakeGateway(parts?.store ?? new MemoryStore());
    gateway.server = await startControlServer({ host: '127.0.0.1', port: 0, token: TOKEN, context: gateway });
    return gateway;
  }

  flush = async (): Promise<void> => {
    if (this.flushFault !== null) throw this.flushFault;
  };

  publish = async (keyHashes: string[]): Promise<void> => {
    this.published.push(keyHashes);
  };

  readiness = (): Readiness => this.state;

  gauges = (): ControlGauges => ({
    frontsAlive: 2,
    frontsWanted: 3,
    frontsStalled: [1],
    snapshotVersion: 7,
    slotsHeld: { users: 5, accounts: 4 },
    queueWaiting: { users: 1, accounts: 2 },
    rowsUsed: { users: 3, accounts: 2 },
    bodyBytesHeld: 1024,
    streamBytesHeld: 2048,
    journalBytes: 4096,
  });

  jobs = (): ControlJobs => ({ open: { creating: 1, running: 2, succeeded: 0 }, figures: this.figures });

  alarms = (): Alarm[] => this.ringing;

  checks = async (): Promise<Check[]> => this.found;

  /** Sends a request with the admin token unless `headers` say otherwise. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response> {
    return fetch(this.server.url + path, {
      method,
      headers: headers ?? { authorization: `Bearer ${TOKEN}` },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
  }
}
