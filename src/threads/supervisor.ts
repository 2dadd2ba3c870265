/**
 * Composition root of the supervisor process: locks the data folder, runs the embedded PostgreSQL and the line of gateway
 * processes (`succession.ts`), takes signals. Never touches requests.
 *
 *   lock ─► outwait orphans ─► database ─► gateway processes ─► ready file, banner
 *   SIGHUP ─► configuration validated ─► the next gateway process takes over
 *   SIGTERM/SIGINT ─► drain them ─► stop database ─► remove ready file, pid file, lock ─► exit 0
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, type Logger } from '#base/logger.ts';
import { StartupError } from '#base/startup-error.ts';
import { frontCount } from '#config/limits.ts';
import { type LoadedConfig, loadConfig } from '#config/load.ts';
import type { Config } from '#config/schema.ts';
import { reveal } from '#config/secret.ts';
import { type DataLock, lockDataFolder } from '#supervise/data-lock.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#supervise/embedded-postgres.ts';
import { outwaitOrphans, rememberGateways } from '#supervise/gateway-pid-file.ts';
import { removeReadyFile, writeReadyFile } from '#supervise/ready-file.ts';
import { Terminal } from '#supervise/terminal.ts';
import { GatewayProcess, type GatewayReady } from './gateway-process.ts';
import { libuvPoolSize, v8PoolSize } from './pool-sizes.ts';
import type { PrimaryOptions } from './primary-options.ts';
import { checkReload } from './reload-check.ts';
import { startBanner } from './start-banner.ts';
import type { StartOptions } from './start-options.ts';
import { type GatewayLine, Succession, type SuccessionParts } from './succession.ts';

/** On top of the drain and flush bounds, for threads to end. */
const EXIT_MARGIN_MS = 5_000;
/** A PostgreSQL that ran this long has recovered: the next crash starts at the shortest pause again. */
const STABLE_MS = 60_000;
/**
 * Copies of one signal: a terminal's Ctrl-C reaches the whole process group and npm forwards it once more. What comes within
 * this time of the first is the same wish, not impatience.
 */
const SAME_SIGNAL_MS = 300;
const KEEP_ALIVE_MS = 60_000;

type LineClass = new (parts: SuccessionParts) => GatewayLine;

/**
 * Runs until a signal ends it; resolves to the exit code. Throws StartupError when it cannot start. `loadHere` is asked with
 * `threads.fronts: 0`: a supervisor with processes to watch never loads what serves.
 */
export async function runSupervisor(options: StartOptions, loadHere: () => Promise<LineClass>): Promise<number> {
  const loaded = loadConfig({ configPath: options.configPath, env: process.env });
  const log = createLogger({ level: loaded.config.log.level, thread: 'supervisor' });
  for (const warning of loaded.warnings) log.warn(warning);
  const dataDir = makeDataFolder(loaded.config.data);
  const Line = loaded.config.threads.fronts === 0 ? await loadHere() : Succession;
  return new Supervisor({ options, loaded, dataDir, log, Line }).run();
}

/** Others may pass through to what is theirs (PostgreSQL runs as its own user), not look around. */
function makeDataFolder(path: string): string {
  const dataDir = resolve(path);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new StartupError(`The data folder ${dataDir} cannot be made: ${(error as Error).message}`);
  }
  return dataDir;
}

interface SupervisorParts {
  options: StartOptions;
  loaded: LoadedConfig;
  dataDir: string;
  log: Logger;
  Line: LineClass;
}

class Supervisor {
  readonly #options: StartOptions;
  /** Replaced by a reload. */
  #config: Config;
  readonly #demo: boolean;
  readonly #dataDir: string;
  readonly #log: Logger;
  readonly #lock: DataLock;
  readonly #stop = new AbortController();
  #stopAskedMs = 0;
  #database: EmbeddedPostgres | null = null;
  readonly #gateways: GatewayLine;
  readonly #terminal = new Terminal();
  /** Of the last gateway process that got ready; its ports are kept for its successors. */
  #lastReady: GatewayReady | null = null;
  #databaseWatch: Promise<void> = Promise.resolve();

  constructor({ options, loaded: { config, catalog }, dataDir, log, Line }: SupervisorParts) {
    this.#options = options;
    this.#config = config;
    this.#demo = options.configPath === null && catalog.accounts.length === 0;
    this.#dataDir = dataDir;
    this.#log = log;
    this.#lock = lockDataFolder(dataDir);
    this.#gateways = new Line(this.#lineParts());
  }

  async run(): Promise<number> {
    // An adopted PostgreSQL is no child: waiting for its end alone would not keep this process.
    const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    const onSignal = (signal: NodeJS.Signals) => this.#onSignal(signal);
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, onSignal);
    try {
      // A killed supervisor left its own: whoever waits for the file must not find that one.
      for (const path of this.#readyFiles()) removeReadyFile(path);
      this.#gateways.forkAhead();
      await outwaitOrphans(this.#dataDir, this.#endBoundMs(), this.#log);
      await this.#startDatabase();
      return await this.#gateways.run();
    } finally {
      this.#stop.abort();
      this.#gateways.kill();
      await this.#database?.stop();
      await this.#databaseWatch;
      this.#removeTraces();
      for (const signal of signals) process.off(signal, onSignal);
      clearInterval(keepAlive);
    }
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  #lineParts(): SuccessionParts {
    return {
      fork: (words) => {
        const fronts = frontCount(this.#config);
        return new GatewayProcess({ libuv: libuvPoolSize(fronts), v8: v8PoolSize(fronts) }, words);
      },
      options: () => this.#primaryOptions(),
      bounds: () => ({
        ...this.#config.supervisor,
        ...this.#config.shutdown,
        stuckDrainMs: this.#config.threads.stallMs,
        marginMs: this.#marginMs(),
      }),
      onReady: (pid, ready) => this.#announce(pid, ready),
      onProcesses: (pids) => rememberGateways(this.#dataDir, pids),
      log: this.#log,
      stop: this.#stop.signal,
    };
  }

  /** A port that was taken because the configuration says 0 stays the same number. */
  #primaryOptions(): PrimaryOptions {
    const { listen, control } = this.#config;
    return {
      configPath: this.#options.configPath,
      databaseUrl: this.#databaseUrl(),
      dataDir: this.#dataDir,
      demo: this.#demo,
      listenPort: listen.port === 0 ? portOf(this.#lastReady?.gatewayUrl) : null,
      controlPort: control.port === 0 ? portOf(this.#lastReady?.controlUrl) : null,
    };
  }

  /** What does not validate changes nothing; the gateway process reads and validates the rest of it itself. */
  #reload(): void {
    try {
      const { config, warnings } = loadConfig({ configPath: this.#options.configPath, env: process.env });
      checkReload(this.#config, config);
      for (const warning of warnings) this.#log.warn(warning);
      this.#config = config;
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      return this.#log.error(`SIGHUP: the gateway goes on as it is. ${error.message}`);
    }
    this.#log.info('SIGHUP: another gateway process takes over');
    this.#gateways.reload();
  }

  #announce(gatewayPid: number, ready: GatewayReady): void {
    const first = this.#lastReady === null;
    this.#lastReady = ready;
    if (this.#stopping) return;
    const { gatewayUrl, controlUrl, demoKey } = ready;
    const state = { gateway: gatewayUrl, control: controlUrl, pid: process.pid, gatewayPid, demoKey };
    for (const path of this.#readyFiles()) writeReadyFile(path, state);
    if (first) process.stdout.write(startBanner(ready));
    else this.#log.info(`The gateway process was replaced (pid ${gatewayPid})`);
  }

  #databaseUrl(): string {
    const { url } = this.#config.database;
    return this.#database?.url ?? (url === null ? '' : reveal(url));
  }

  async #startDatabase(): Promise<void> {
    if (this.#config.database.url !== null || this.#stopping) return;
    this.#database = await startEmbeddedPostgres({ dataDir: this.#dataDir, log: this.#log });
    this.#databaseWatch = this.#watchDatabase(this.#database);
  }

  /** Starts PostgreSQL again when it dies. It keeps its port if it can; otherwise the gateway process is replaced too. */
  async #watchDatabase(first: EmbeddedPostgres): Promise<void> {
    const { restartMinMs, restartMaxMs } = this.#config.supervisor;
    let current = first;
    for (let pauseMs = restartMinMs; ; pauseMs = Math.min(pauseMs * 2, restartMaxMs)) {
      const upMs = performance.now();
      await current.exited;
      if (this.#stopping) return;
      if (performance.now() - upMs > STABLE_MS) pauseMs = restartMinMs;
      this.#log.error(`PostgreSQL ended; it starts again in ${pauseMs} ms`);
      await this.#pause(pauseMs);
      if (this.#stopping) return;
      const next = await this.#tryDatabase();
      if (next === null) continue;
      this.#database = next;
      if (next.url !== current.url) this.#gateways.restart();
      current = next;
      if (this.#stopping) await next.stop();
    }
  }

  /** Null when it did not start: the gateway serves on, its journal grows, the next try follows. */
  async #tryDatabase(): Promise<EmbeddedPostgres | null> {
    try {
      return await startEmbeddedPostgres({ dataDir: this.#dataDir, log: this.#log });
    } catch (error) {
      this.#log.error((error as Error).message);
      return null;
    }
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (signal === 'SIGHUP' && !this.#terminal.gone) {
      if (!this.#stopping) this.#reload();
      return;
    }
    if (this.#stopping) {
      if (performance.now() - this.#stopAskedMs > SAME_SIGNAL_MS) this.#endAtOnce(signal);
      return;
    }
    this.#stopAskedMs = performance.now();
    this.#log.info(`${signal}: finishing open answers`);
    this.#stop.abort();
  }

  /** The second signal. What was answered is in the journal; what was open is lost, which is what was asked for. */
  #endAtOnce(signal: NodeJS.Signals): never {
    this.#gateways.kill();
    this.#database?.abort();
    this.#removeTraces();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  }

  #endBoundMs(): number {
    return this.#config.shutdown.drainMs + this.#marginMs();
  }

  #marginMs(): number {
    return this.#config.shutdown.flushMs + EXIT_MARGIN_MS;
  }

  #readyFiles(): string[] {
    const own = join(this.#dataDir, 'ready');
    return this.#options.readyFile === null ? [own] : [own, this.#options.readyFile];
  }

  #removeTraces(): void {
    for (const path of this.#readyFiles()) removeReadyFile(path);
    rememberGateways(this.#dataDir, []);
    this.#lock.release();
  }

  /** Ends early when a signal comes. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }
}

function portOf(url: string | undefined): number | null {
  return url === undefined ? null : Number(new URL(url).port);
}
