/**
 * The gateway process as one object: everything primary owns, started and ended in order. Primary only.
 *
 *   prepare:  fronts' threads │ migrate → catalog applied → usage-writer (replays the journal) → notifications
 *   takeOver: what a process before has in use, or left of jobs, is booked → control server → fronts listen
 *   handOver: limits and balances capped → control server closed        resume: the other way round
 *   leave:    control says "draining" → fronts drained and gone → counting workers and media jobs ended → usage-writer flushed and gone → control server → database
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#base/logger.ts';
import { StartupError } from '#base/startup-error.ts';
import type { CatalogConfig } from '#config/catalog-schema.ts';
import { checkLimits, counterHeapBytes, frontCount } from '#config/limits.ts';
import { readOpenFilesMax } from '#config/open-files.ts';
import type { Config } from '#config/schema.ts';
import { checkTlsFiles } from '#config/tls-files.ts';
import { ensureLinkKey } from '#control/secrets-file.ts';
import { Heartbeats } from '#coordinate/local/heartbeats.ts';
import { C, CounterRow } from '#meter/counters.ts';
import { type DatabasePool, openDatabase } from '#store/database.ts';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { findPrincipals } from '#store/find-principals.ts';
import type { CatalogListener } from '#store/listen-catalog.ts';
import { loadCatalog } from '#store/load-catalog.ts';
import { loadKeyHashes } from '#store/load-key-hashes.ts';
import { migrate } from '#store/migrate.ts';
import { CountingPool } from '#tokenizer/counting-pool.ts';
import { auditSums, auditsWanted } from './audits.ts';
import { CatalogKeeper } from './catalog-keeper.ts';
import { ControlDesk, type DemoSeed } from './control-desk.ts';
import { followCatalog } from './follow-catalog.ts';
import { FrontCrew } from './front-crew.ts';
import { FrontWatch } from './front-watch.ts';
import { keepRows } from './keep-rows.ts';
import { MediaJobs } from './media-jobs.ts';
import { PeerDesk } from './peer-desk.ts';
import type { PrimaryOptions } from './primary-options.ts';
import { PrimaryTables } from './primary-tables.ts';
import { PrincipalDesk } from './principal-desk.ts';
import type { GatewayToSupervisor, Handover, PeerMessage, SharedBlocks } from './protocol.ts';
import type { RowKeeper } from './row-keeper.ts';
import { sayWorstCase } from './say-worst-case.ts';
import { makeSharedBlocks } from './shared-blocks.ts';
import type { ThreadStarter } from './thread-starter.ts';
import { undoFront } from './undo-front.ts';
import { type WriterBalances, WriterHandle } from './writer-handle.ts';

const PARTITIONS_EVERY_MS = 3_600_000;

export interface GatewayParts {
  config: Config;
  catalog: CatalogConfig;
  options: PrimaryOptions;
  log: Logger;
  threads: ThreadStarter;
  /** A front takes no turns any more; nothing in this process can end it. */
  onStuck(front: number): void;
  tellPeer(message: PeerMessage): void;
}

export type GatewayReady = Omit<Extract<GatewayToSupervisor, { type: 'ready' }>, 'type'>;

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #shared: SharedBlocks;
  readonly #tables: PrimaryTables;
  readonly #database: DatabasePool;
  readonly #keeper: CatalogKeeper;
  readonly #desk: PrincipalDesk;
  readonly #counting: CountingPool;
  readonly #crew: FrontCrew;
  readonly #watch: FrontWatch;
  readonly #rows: RowKeeper;
  #audit: { stop(): void } | null = null;
  readonly #control: ControlDesk;
  readonly #peers: PeerDesk;
  readonly #jobs: MediaJobs;
  readonly #partitions: NodeJS.Timeout;
  #writer: WriterHandle | null = null;
  #listener: CatalogListener | null = null;
  #demo: DemoSeed = { demoKey: null, notes: [] };

  constructor(parts: GatewayParts) {
    const { config, options, log } = parts;
    this.#parts = parts;
    const fronts = frontCount(config);
    for (const warning of checkLimits(config, fronts, readOpenFilesMax())) log.warn(warning);
    checkTlsFiles(config.listen);
    sayWorstCase(log, config, fronts);
    this.#shared = makeSharedBlocks(config, fronts);
    this.#tables = new PrimaryTables(config, this.#shared);
    this.#database = openDatabase(options.databaseUrl, { ...config.database, applicationName: 'penstock primary' });
    this.#keeper = new CatalogKeeper(
      () => loadCatalog(this.#database),
      this.#tables.accounts,
      log,
      (message) => this.#crew.tellAll(message),
    );
    this.#desk = new PrincipalDesk(
      {
        findPrincipals: (hashes) => findPrincipals(this.#database, hashes),
        loadKeyHashes: (keysMax) => loadKeyHashes(this.#database, keysMax),
      },
      this.#tables.users,
      { ...config.limits, ...config.auth },
      log,
      (front, keyHash, found) => this.#crew.tell(front, { type: 'principal', keyHash, found }),
    );
    const counting = { ...config.tokenizer, heapBytes: counterHeapBytes(config) };
    this.#counting = new CountingPool(counting, log, (front, id, counted) =>
      this.#crew.tell(front, { type: 'counted', id, counted }),
    );
    const linkKey = ensureLinkKey(options.dataDir);
    const listenPort = options.listenPort ?? config.listen.port;
    this.#crew = new FrontCrew(
      { ...parts, shared: this.#shared, listenPort, linkKey },
      {
        onLookup: (front, keyHash) => this.#desk.ask(front, keyHash),
        onBorrow: (front, ask) => this.#peers.borrow(front, ask),
        onCount: (front, { id, job }) => this.#counting.count(front, id, job),
        onMedia: (front, ask) => this.#jobs.receive(front, ask),
        briefing: () => [this.#keeper.message],
        onAuditFailed: (differences) => this.#auditFailed(differences),
        onRowsDropped: (front, id, inUse) => this.#rows.answered(front, id, inUse),
        onListening: (front) => this.#watch.watch(front),
        onFrontGone: (front) => this.#frontGone(front),
      },
    );
    this.#watch = new FrontWatch(new Heartbeats(this.#shared.heartbeats), config.threads.stallMs, {
      onStalled: (front, stalled) => this.#control.frontStalled(front, stalled),
      onStuck: (front) => {
        log.fatal({ front }, 'a front takes no turns any more: this process has to be replaced');
        parts.onStuck(front);
      },
    });
    this.#rows = keepRows({ tables: this.#tables, keeper: this.#keeper, desk: this.#desk, crew: this.#crew, log });
    if (auditsWanted) this.#audit = auditSums(this.#tables, fronts, (lines) => this.#auditFailed(lines));
    this.#control = new ControlDesk({
      ...parts,
      database: this.#database,
      shared: this.#shared,
      tables: this.#tables,
      crew: this.#crew,
      watch: this.#watch,
      keeper: this.#keeper,
      desk: this.#desk,
      flush: () => this.#flush(),
      jobs: () => this.#jobs.seen(),
    });
    this.#peers = new PeerDesk({
      tables: this.#tables,
      crew: this.#crew,
      database: this.#database,
      log,
      adopt: () => this.#adopt(),
      send: parts.tellPeer,
    });
    this.#jobs = new MediaJobs({
      ...{
        config,
        log,
        linkKey,
        database: this.#database,
        tables: this.#tables,
        keeper: this.#keeper,
        crew: this.#crew,
      },
      append: (record) => this.#writer?.append(record) ?? Promise.resolve(false),
      flush: () => this.#flush(),
      alarm: (text) => this.#control.alarm({ alarm: 'job_unknown', on: true, text }),
    });
    this.#partitions = setInterval(() => this.#ensurePartitions(), PARTITIONS_EVERY_MS);
  }

  /** Everything but listening. Throws StartupError for what an operator can mend; then `leave` ends what was begun. */
  async prepare(): Promise<void> {
    const launched = this.#crew.launch().catch(cannotStart);
    launched.catch(() => {});
    await migrate(this.#database);
    await ensurePartitions(this.#database, new Date());
    this.#demo = await this.#control.applyCatalog();
    this.#writer = this.#startWriter();
    const { replayedRows, replaying } = await this.#writer.ready;
    if (replayedRows > 0)
      this.#parts.log.info({ rows: replayedRows }, 'records of an earlier process are in the books');
    if (replaying) void this.#outwaitReplay(this.#writer);
    this.#listener = await followCatalog(this.#parts.options.databaseUrl, {
      ...{ keeper: this.#keeper, desk: this.#desk, crew: this.#crew, log: this.#parts.log },
    });
    await launched;
  }

  /** Resolves when requests are accepted. `handover` null: no process before has anything in use. */
  async takeOver(handover: Handover | null): Promise<GatewayReady> {
    if (handover !== null) await this.#peers.takeOver(handover);
    // One that ended while this one started has left its journal, which the balances lack.
    else await Promise.race([this.#adopt(), sleep(this.#parts.config.usage.replayWaitMs, undefined, { ref: false })]);
    // What is set aside for them is, before anybody is served; those of a process that still drains are its own until it has ended.
    if (handover === null) await this.#jobs.adopt().catch(cannotStart);
    const controlUrl = await this.#control.open();
    await this.#crew.listen().catch(cannotStart);
    const { host, tls } = this.#parts.config.listen;
    const scheme = tls === null ? 'http' : 'https';
    return { gatewayUrl: `${scheme}://${urlHost(host)}:${this.#crew.listenPort}`, controlUrl, ...this.#demo };
  }

  /** Another process takes over: from here on this one admits nothing that the other does not know of. */
  handOver(): Handover {
    this.#control.closePort();
    return this.#peers.handOver();
  }

  /** It has failed. */
  async resume(): Promise<void> {
    this.#control.draining = false;
    this.#crew.resume();
    const books = this.#peers.resume();
    await this.#control.open();
    await books;
  }

  async predecessorEnded(): Promise<void> {
    await Promise.all([this.#jobs.adoptSurely(), this.#peers.predecessorEnded()]);
  }

  receivePeer(message: PeerMessage): void {
    this.#peers.receive(message);
  }

  /** Fronts end, at the latest at the deadline. May be called again, sooner or finally; a resume takes back one that is not final. */
  drain(deadlineMs: number, final: boolean): Promise<void> {
    this.#control.draining = true;
    return this.#crew.drain(deadlineMs, final);
  }

  /** Once the fronts are gone: closes the rest in order; safe after a start that failed half-way. */
  async leave(): Promise<void> {
    const { log, config } = this.#parts;
    clearInterval(this.#partitions);
    this.#watch.close();
    this.#rows.close();
    this.#audit?.stop();
    await this.#counting.close();
    await this.#jobs.close(config.shutdown.flushMs);
    const rowsWaiting = (await this.#writer?.drain(config.shutdown.flushMs)) ?? 0;
    if (rowsWaiting > 0) log.warn({ rows: rowsWaiting }, 'records stay in the journal for the next start');
    this.#peers.stop();
    this.#keeper.close();
    this.#listener?.close();
    await this.#control.close();
    await this.#database.end();
    log.info('drained');
  }

  /** Nothing that this process says about places and money can be trusted: the supervisor starts another. */
  #auditFailed(differences: string[]): void {
    this.#parts.log.fatal({ differences: differences.slice(0, 20) }, 'the audit of the shared tables failed');
    process.abort();
  }

  /** Before another front takes the index. */
  async #frontGone(front: number): Promise<void> {
    this.#watch.forget(front);
    this.#counting.forget(front);
    this.#jobs.frontGone(front);
    if (!this.#control.draining) new CounterRow(this.#shared.counters, front).add(C.frontsLost);
    undoFront(front, this.#tables, this.#shared, this.#parts.log);
    this.#rows.frontGone(front);
    await this.#writer?.frontGone(front);
  }

  #startWriter(): WriterHandle {
    const { config, options, log } = this.#parts;
    const journalDir = join(options.dataDir, 'journal');
    return new WriterHandle(
      this.#parts.threads,
      { config, shared: this.#shared, databaseUrl: options.databaseUrl, journalDir },
      {
        onAlarm: (alarm) => this.#control.alarm(alarm),
        onBalances: (balances) => this.#takeBalances(balances),
        // Nothing could be billed any more: the supervisor starts a new process, the journal holds what was written.
        onLost: (error) => {
          log.fatal({ err: error }, 'the usage-writer ended');
          process.abort();
        },
      },
    );
  }

  /**
   * Service began before the replay ended. Each of its batches tells new balances, but one may have been told between the reading of
   * a user's balance and its first use: at the end all balances in use are read again.
   */
  async #outwaitReplay(writer: WriterHandle): Promise<void> {
    const { replayedRows } = await writer.adopt();
    await writer.adopt([...this.#tables.users.rows.ids()]);
    this.#parts.log.info({ rows: replayedRows }, 'the replay of an earlier process has ended');
  }

  #takeBalances({ entries }: WriterBalances): void {
    for (const { userId, balanceNanoUsd, committedNanoUsd } of entries) {
      const seat = this.#tables.users.rows.find(userId);
      if (seat !== undefined) this.#tables.users.balances.commit(seat.row, balanceNanoUsd, committedNanoUsd);
    }
  }

  async #adopt(): Promise<void> {
    await this.#writer?.adopt();
  }

  async #flush(): Promise<void> {
    if (this.#writer === null) throw new Error('the gateway is not ready');
    await this.#writer.flush();
  }

  #ensurePartitions(): void {
    this.#jobs.purge();
    ensurePartitions(this.#database, new Date()).catch((error: Error) =>
      this.#parts.log.warn({ error: error.message }, 'partitions could not be made ahead'),
    );
  }
}

function cannotStart(error: Error): never {
  throw new StartupError(error.message);
}

/** An address that clients on this machine can use: a wildcard is reached through loopback. */
export function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
