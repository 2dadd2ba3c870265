/**
 * The embedded PostgreSQL of one data folder: made on first use, started, adopted when an earlier supervisor left it running,
 * stopped. It listens on 127.0.0.1 only, with a generated password.
 *
 *   no cluster ──initdb──► cluster ──spawn──► starting ──pid file says ready──► running ──SIGINT──► stopped
 *                                                                                  ▲
 *                                             an orphan of our own ──adopted───────┘
 *
 * Supervisor process (and tests) only. Never speaks SQL.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '#base/startup-error.ts';
import { DATABASE_USER, initCluster } from './init-cluster.ts';
import { findPostgresBinaries, type PostgresBinaries, reachableBinaries } from './postgres-binaries.ts';
import { openPostgresHome } from './postgres-home.ts';
import {
  abortServer,
  POLL_MS,
  type PostgresInstallation,
  type PostgresServer,
  START_TIMEOUT_MS,
  startServer,
  stopServer,
  watchExit,
} from './postgres-server.ts';
import { dropMisleadingPidFile, findPostmaster } from './postmaster.ts';
import { findServiceUser, type ServiceUser } from './service-user.ts';
import type { SuperviseLog } from './supervise-log.ts';

export interface EmbeddedPostgresOptions {
  /** An existing folder. */
  readonly dataDir: string;
  readonly log: SuperviseLog;
  /** Server settings beyond ours, or instead of them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where clusters and binaries go that the service user cannot reach otherwise. */
  readonly systemDir?: string;
}

export interface EmbeddedPostgres {
  /** Connection URL with the password: never log it. */
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  /** The cluster folder. */
  readonly clusterDir: string;
  /** True when it was already running, left by a supervisor that was killed. Then `settings` are those of that start. */
  readonly adopted: boolean;
  /** Resolves when the server process has ended, wanted or not. */
  readonly exited: Promise<void>;
  /** Fast shutdown, harder when that takes too long. Resolves when the process is gone; may be called twice. */
  stop(): Promise<void>;
  /** Immediate shutdown: no waiting here, recovery from the write-ahead log at the next start. */
  abort(): void;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '50',
  shared_preload_libraries: 'pg_stat_statements',
  fsync: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Set-based statements of a few milliseconds: compiling them costs more than it saves.
  jit: 'off',
};

/** Resolves when the server accepts connections. Throws StartupError with one line that names the cause. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const installation = await install(options);
  const orphan = await adopt(installation, options.log);
  const server = orphan ?? (await startServer(installation));
  const { pid, port } = server.process;
  let stopping: Promise<void> | null = null;
  return {
    url: `postgres://${DATABASE_USER}:${installation.home.password}@127.0.0.1:${port}/postgres`,
    pid,
    port,
    clusterDir: installation.clusterDir,
    adopted: orphan !== null,
    exited: server.exited,
    stop() {
      stopping ??= stopServer(server);
      return stopping;
    },
    abort() {
      abortServer(server);
    },
  };
}

/** Binaries that can be run, a user to run them, a cluster that stands. */
async function install({
  dataDir,
  log,
  settings,
  systemDir = '/var/lib/penstock',
}: EmbeddedPostgresOptions): Promise<PostgresInstallation> {
  const found = findPostgresBinaries();
  const serviceUser = findServiceUser();
  const home = openPostgresHome({ dataDir, user: serviceUser, systemDir, log });
  const user = clusterOwner(home.clusterDir, serviceUser);
  const binaries = reachableBinaries(found, user, systemDir, log);
  if (!existsSync(home.clusterDir)) {
    await initCluster({ binaries, user, clusterDir: home.clusterDir, password: home.password });
  }
  checkVersion(home.clusterDir, binaries);
  return { binaries, user, home, clusterDir: realpathSync(home.clusterDir), settings: { ...SETTINGS, ...settings } };
}

/** An existing cluster is run by its owner: PostgreSQL insists, and the set of system users may have changed since. */
function clusterOwner(clusterDir: string, user: ServiceUser | null): ServiceUser | null {
  if (!existsSync(clusterDir)) return user;
  const { uid, gid } = statSync(clusterDir);
  if (user !== null) return uid === user.uid || uid === 0 ? user : { name: `number ${uid}`, uid, gid };
  if (uid === process.getuid?.()) return null;
  throw new StartupError(`The database in ${clusterDir} belongs to user number ${uid}: start as that user or as root`);
}

function checkVersion(clusterDir: string, binaries: PostgresBinaries): void {
  const made = readFileSync(join(clusterDir, 'PG_VERSION'), 'utf8').trim();
  const major = binaries.version.split('.')[0];
  if (made === major) return;
  throw new StartupError(
    `The database in ${clusterDir} is of PostgreSQL ${made}, this version ships ${major}: dump and restore it`,
  );
}

/** The ready server that an earlier supervisor left; null when there is none, or when it had to be stopped first. */
async function adopt(
  { clusterDir, binaries }: PostgresInstallation,
  log: SuperviseLog,
): Promise<PostgresServer | null> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (; Date.now() < deadline; await sleep(POLL_MS)) {
    const found = findPostmaster(clusterDir);
    if (found === null) {
      if (dropMisleadingPidFile(clusterDir)) return null;
      continue;
    }
    const server = { process: found, exited: watchExit(found) };
    if (found.program !== '' && found.program !== binaries.postgres) {
      log.info(`Stopping a PostgreSQL of another installation that was left running (pid ${found.pid})`);
      await stopServer(server);
    } else if (found.status === 'ready') {
      log.info(`Adopted the PostgreSQL that an earlier start left running (pid ${found.pid})`);
      return server;
    }
  }
  throw new StartupError(`What an earlier start left of PostgreSQL in ${clusterDir} does not end`);
}
