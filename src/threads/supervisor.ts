/**
 * Composition root of the supervisor process: locks the data folder, runs the embedded PostgreSQL, starts the gateway process and
 * starts it again after an abort, forwards signals. Never touches requests.
 *
 *   lock ─► outwait an orphan ─► database ─► gateway ─► ready file, banner
 *                                   ▲           │ exit not asked for: pause (doubling), again
 *                                   └───────────┘ first start fails: end with its message
 *   SIGTERM/SIGINT ─► drain gateway ─► stop database ─► remove ready file, pid file, lock ─► exit 0
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
import { forgetGateway, outwaitOrphan, rememberGateway } from '#supervise/gateway-pid-file.ts';
import { removeReadyFile, writeReadyFile } from '#supervise/ready-file.ts';
import { describeExit, GatewayProcess, type GatewayReady } from './gateway-process.ts';
import { libuvPoolSize, v8PoolSize } from './pool-sizes.ts';
import { startBanner } from './start-banner.ts';
import type { StartOptions } from './start-options.ts';

/** On top of the drain and flush bounds, for threads to end. */
const EXIT_MARGIN_MS = 5_000;
/** A gateway process that served this long has recovered: the next crash starts at the shortest pause again. */
const STABLE_MS = 60_000;
/**
 * Copies of one signal: a terminal's Ctrl-C reaches the whole process group and npm forwards it once more. What comes within
 * this time of the first is the same wish, not impatience.
 */
const SAME_SIGNAL_MS = 300;
const KEEP_ALIVE_MS = 60_000;

/** Runs until a signal ends it; resolves to the exit code. Throws StartupError when it cannot start. */
export async function runSupervisor(options: StartOptions): Promise<number> {
  const loaded = loadConfig({ configPath: options.configPath, env: process.env });
  const log = createLogger({ level: loaded.config.log.level, thread: 'supervisor' });
  for (const warning of loaded.warnings) log.warn(warning);
  const dataDir = makeDataFolder(loaded.config.data);
  return new Supervisor(options, loaded, dataDir, log).run();
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

class Supervisor {
  readonly #options: StartOptions;
  readonly #config: Config;
  readonly #demo: boolean;
  readonly #dataDir: string;
  readonly #log: Logger;
  readonly #lock: DataLock;
  readonly #stop = new AbortController();
  #stopAskedMs = 0;
  #database: EmbeddedPostgres | null = null;
  #gateway: GatewayProcess | null = null;
  /** Of the last gateway process that got ready; its ports are kept for its successors. */
  #lastReady: GatewayReady | null = null;
  #databaseWatch: Promise<void> = Promise.resolve();

  constructor(options: StartOptions, { config, catalog }: LoadedConfig, dataDir: string, log: Logger) {
    this.#options = options;
    this.#config = config;
    this.#demo = options.configPath === null && catalog.accounts.length === 0;
    this.#dataDir = dataDir;
    this.#log = log;
    this.#lock = lockDataFolder(dataDir);
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
      this.#gateway = this.#forkGateway();
      await outwaitOrphan(this.#dataDir, this.#endBoundMs(), this.#log);
      await this.#startDatabase();
      return await this.#superviseGateway();
    } finally {
      this.#stop.abort();
      this.#gateway?.kill();
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

  async #superviseGateway(): Promise<number> {
    const { restartMinMs, restartMaxMs } = this.#config.supervisor;
    let pauseMs = restartMinMs;
    while (!this.#stopping) {
      const gateway = this.#startGateway();
      void gateway.stuck.then((front) => this.#replaceStuck(gateway, front));
      const ready = await gateway.ready;
      const readyAtMs = performance.now();
      if (ready !== null) this.#announce(gateway, ready);
      const exit = await gateway.exited;
      this.#gateway = null;
      if (this.#stopping) return exit.code === 0 || ready === null ? 0 : 1;
      if (this.#lastReady === null) throw new StartupError(`The gateway did not start: ${describeExit(exit)}`);
      if (ready !== null && performance.now() - readyAtMs > STABLE_MS) pauseMs = restartMinMs;
      this.#log.error(`The gateway process ended: ${describeExit(exit)}; the next one starts in ${pauseMs} ms`);
      await this.#pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, restartMaxMs);
    }
    return 0;
  }

  /** A thread that takes no turns cannot be ended from within its process. */
  #replaceStuck(gateway: GatewayProcess, front: number): void {
    this.#log.error(`Front ${front} takes no turns any more: the gateway process is killed`);
    gateway.kill();
  }

  #forkGateway(): GatewayProcess {
    const fronts = frontCount(this.#config);
    return new GatewayProcess({ libuv: libuvPoolSize(fronts), v8: v8PoolSize(fronts) });
  }

  #startGateway(): GatewayProcess {
    const gateway = this.#gateway ?? this.#forkGateway();
    this.#gateway = gateway;
    if (gateway.pid !== 0) rememberGateway(this.#dataDir, gateway.pid);
    gateway.start({
      configPath: this.#options.configPath,
      databaseUrl: this.#databaseUrl(),
      dataDir: this.#dataDir,
      demo: this.#demo,
      listenPort: portOf(this.#lastReady?.gatewayUrl),
      controlPort: portOf(this.#lastReady?.controlUrl),
    });
    return gateway;
  }

  #announce(gateway: GatewayProcess, ready: GatewayReady): void {
    const first = this.#lastReady === null;
    this.#lastReady = ready;
    if (this.#stopping) return;
    const { gatewayUrl, controlUrl, demoKey } = ready;
    const state = { gateway: gatewayUrl, control: controlUrl, pid: process.pid, gatewayPid: gateway.pid, demoKey };
    for (const path of this.#readyFiles()) writeReadyFile(path, state);
    if (first) process.stdout.write(startBanner(ready));
    else this.#log.info(`The gateway process was replaced (pid ${gateway.pid})`);
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
      if (next.url !== current.url) this.#gateway?.drain();
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
    if (this.#stopping) {
      if (performance.now() - this.#stopAskedMs > SAME_SIGNAL_MS) this.#endAtOnce(signal);
      return;
    }
    this.#stopAskedMs = performance.now();
    this.#stop.abort();
    this.#log.info(`${signal}: finishing open answers`);
    const gateway = this.#gateway;
    if (gateway === null) return;
    gateway.drain();
    const timer = setTimeout(() => {
      this.#log.error(
        `The gateway process did not end within ${this.#endBoundMs()} ms: killed; its records are in the journal`,
      );
      gateway.kill();
    }, this.#endBoundMs());
    void gateway.exited.then(() => clearTimeout(timer));
  }

  /** The second signal. What was answered is in the journal; what was open is lost, which is what was asked for. */
  #endAtOnce(signal: NodeJS.Signals): never {
    this.#gateway?.kill();
    this.#database?.abort();
    this.#removeTraces();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  }

  #endBoundMs(): number {
    const { drainMs, flushMs } = this.#config.shutdown;
    return drainMs + flushMs + EXIT_MARGIN_MS;
  }

  #readyFiles(): string[] {
    const own = join(this.#dataDir, 'ready');
    return this.#options.readyFile === null ? [own] : [own, this.#options.readyFile];
  }

  #removeTraces(): void {
    for (const path of this.#readyFiles()) removeReadyFile(path);
    forgetGateway(this.#dataDir);
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
