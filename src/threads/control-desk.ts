/**
 * What primary shows and takes at its control port: joins the control server with the running gateway, applies the catalog of the
 * configuration file, seeds the demo. Primary only.
 */
import type { Logger } from '#base/logger.ts';
import type { CatalogConfig } from '#config/catalog-schema.ts';
import type { Config } from '#config/schema.ts';
import { reveal } from '#config/secret.ts';
import { announceControl } from '#control/announce.ts';
import { applyCatalog } from '#control/apply-catalog.ts';
import { asOneTransaction, bindStore } from '#control/bind-store.ts';
import type { Alarm, Check, ControlContext, ControlGauges, ControlJobs, Readiness } from '#control/context.ts';
import { demoUpstreamFrom, seedDemoCatalog, wantsDemo } from '#control/demo-catalog.ts';
import type { OperatorStore } from '#control/operator-store.ts';
import { ensureAdminToken } from '#control/secrets-file.ts';
import { type ControlServer, startControlServer } from '#control/server.ts';
import { type MockUpstream, startMockUpstream } from '#demo/mock-upstream.ts';
import { CounterTable } from '#meter/counters.ts';
import type { DatabasePool } from '#store/database.ts';
import { UsagePressure } from '#usage/pressure.ts';
import type { CatalogKeeper } from './catalog-keeper.ts';
import type { FrontCrew } from './front-crew.ts';
import type { FrontWatch } from './front-watch.ts';
import type { PrimaryOptions } from './primary-options.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { PrincipalDesk } from './principal-desk.ts';
import type { SharedBlocks } from './protocol.ts';

/** Longest wait for every front to acknowledge a change that an operator made. */
const ACKNOWLEDGE_MS = 1000;

export interface ControlDeskParts {
  config: Config;
  catalog: CatalogConfig;
  options: PrimaryOptions;
  log: Logger;
  database: DatabasePool;
  shared: SharedBlocks;
  tables: PrimaryTables;
  crew: FrontCrew;
  watch: FrontWatch;
  keeper: CatalogKeeper;
  desk: PrincipalDesk;
  flush(): Promise<void>;
  jobs(): ControlJobs;
}

/** What the demo, if there is one, tells the person who started the gateway. */
export interface DemoSeed {
  demoKey: string | null;
  notes: string[];
}

export class ControlDesk {
  readonly #parts: ControlDeskParts;
  readonly #store: OperatorStore;
  readonly #pressure: UsagePressure;
  readonly #alarms = new Map<string, Alarm>();
  #server: ControlServer | null = null;
  /** Once open: port 0 stays the same number. */
  #port: number | null = null;
  #mock: MockUpstream | null = null;
  #withdraw: () => void = () => {};
  /** Set when the process begins to end: no longer ready. */
  draining = false;

  constructor(parts: ControlDeskParts) {
    this.#parts = parts;
    this.#store = bindStore(parts.database);
    this.#pressure = new UsagePressure(parts.shared.usagePressure);
  }

  /** Brings the file's catalog, or the demo, into PostgreSQL. */
  async applyCatalog(): Promise<DemoSeed> {
    const { catalog, options, log } = this.#parts;
    const report = await asOneTransaction(this.#parts.database, (store) => applyCatalog(store, catalog));
    for (const note of report.notes) log.warn(note);
    if (!options.demo || !(await wantsDemo(this.#store))) return { demoKey: null, notes: [] };
    const real = demoUpstreamFrom(process.env);
    if (real === null) this.#mock = await startMockUpstream();
    const upstream = real ?? { baseUrl: this.#mock!.url, apiKey: 'mock' };
    const demoKey = await seedDemoCatalog(this.#store, { dataDir: options.dataDir, upstream });
    const note = real === null ? 'account  demo: the built-in mock answers' : `account  demo: ${upstream.baseUrl}`;
    return { demoKey, notes: [note] };
  }

  /** Opens the control port; resolves to its URL. */
  async open(): Promise<string> {
    const { config, options } = this.#parts;
    const { token, host, port } = config.control;
    this.#server = await startControlServer({
      host,
      port: this.#port ?? options.controlPort ?? port,
      token: token === null ? ensureAdminToken(options.dataDir) : reveal(token),
      context: this.#context(),
    });
    this.#port = Number(new URL(this.#server.url).port);
    this.#withdraw = announceControl(options.dataDir, this.#server.url);
    return this.#server.url;
  }

  /** Another process opens the port: this one stops listening at once, requests under way are answered. `open` may follow. */
  closePort(): void {
    this.#withdraw();
    void this.#server?.close();
    this.#server = null;
  }

  async close(): Promise<void> {
    this.#withdraw();
    await this.#server?.close();
    await this.#mock?.close();
  }

  alarm({ alarm, on, text }: Alarm): void {
    this.#alarms.set(alarm, { alarm, on, text });
    this.#parts.log[on ? 'error' : 'info']({ alarm, on }, text);
  }

  frontStalled(front: number, stalled: boolean): void {
    const others = this.#parts.watch.stalled.some((other) => other !== front);
    const text = stalled ? `front ${front} takes no turns` : `front ${front} takes turns again, or has ended`;
    this.alarm({ alarm: 'front_stalled', on: stalled || others, text });
  }

  #context(): ControlContext {
    return {
      log: this.#parts.log,
      store: this.#store,
      counters: new CounterTable(this.#parts.shared.counters),
      flush: () => this.#parts.flush(),
      publish: (keyHashes) => this.#publish(keyHashes),
      readiness: () => this.#readiness(),
      gauges: () => this.#gauges(),
      jobs: () => this.#parts.jobs(),
      alarms: () => [...this.#alarms.values()],
      checks: () => this.#checks(),
    };
  }

  /** Messages to a front keep their order, so a front that acknowledges the snapshot has forgotten the keys before. */
  async #publish(keyHashes: string[]): Promise<void> {
    const { crew, keeper, desk } = this.#parts;
    if (keyHashes.length > 0) {
      desk.forget(keyHashes);
      crew.tellAll({ type: 'invalidate', keyHashes });
    }
    await keeper.reload();
    await crew.acknowledged(keeper.version, ACKNOWLEDGE_MS);
  }

  #readiness(): Readiness {
    const { crew, watch } = this.#parts;
    const reasons: string[] = [];
    if (this.draining) reasons.push('the gateway is draining');
    for (const front of watch.stalled) reasons.push(`front ${front} takes no turns`);
    if (crew.alive === 0) reasons.push('no front listens');
    if (this.#pressure.refuse) reasons.push('the usage journal is at its bound');
    return { ready: reasons.length === 0, reasons };
  }

  #gauges(): ControlGauges {
    const { crew, watch, keeper, tables } = this.#parts;
    const users = tables.occupancy('users');
    const accounts = tables.occupancy('accounts');
    return {
      frontsAlive: crew.alive,
      frontsWanted: crew.wanted,
      frontsStalled: watch.stalled,
      snapshotVersion: keeper.version,
      slotsHeld: { users: users.inUse, accounts: accounts.inUse },
      queueWaiting: { users: users.waiting, accounts: accounts.waiting },
      rowsUsed: { users: tables.users.rows.size, accounts: tables.accounts.rows.size },
      bodyBytesHeld: tables.bodyBudget.usedBytes,
      streamBytesHeld: tables.streamBudget.usedBytes,
      journalBytes: this.#pressure.journalBytes,
    };
  }

  async #checks(): Promise<Check[]> {
    const { crew } = this.#parts;
    return [
      {
        name: 'fronts',
        status: crew.alive === crew.wanted ? 'ok' : 'warn',
        text: `${crew.alive} of ${crew.wanted} fronts listen on port ${crew.listenPort}`,
      },
      {
        name: 'usage',
        status: this.#pressure.databaseAway || this.#pressure.refuse ? 'fail' : 'ok',
        text: `${this.#pressure.recordsWaiting} records wait in a journal of ${this.#pressure.journalBytes} bytes`,
      },
    ];
  }
}
