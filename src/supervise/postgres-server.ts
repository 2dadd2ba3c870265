/**
 * One run of the PostgreSQL server process: spawn until the pid file says ready, stop within bounds.
 *
 * It gets a session of its own: a Ctrl-C in the terminal must not stop it before the gateway has written its last record, and it
 * outlives a killed supervisor without harm. It writes to a file, not to a pipe, for the same reason.
 * Supervisor process only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStartTime } from '#base/process-identity.ts';
import { StartupError } from '#base/startup-error.ts';
import { freePort } from './free-port.ts';
import { postgresEnvironment } from './init-cluster.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { PostgresHome } from './postgres-home.ts';
import { isAlive, type Postmaster, readPidFile } from './postmaster.ts';
import type { ServiceUser } from './service-user.ts';

/** All that a start needs to know. */
export interface PostgresInstallation {
  readonly binaries: PostgresBinaries;
  /** Null: as whoever we are. */
  readonly user: ServiceUser | null;
  readonly home: PostgresHome;
  /** Real path of the cluster folder. */
  readonly clusterDir: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** A server that is up, ours or adopted. */
export interface PostgresServer {
  readonly process: Pick<Postmaster, 'pid' | 'startTime' | 'port'>;
  /** Resolves when the process has ended, wanted or not. */
  readonly exited: Promise<void>;
}

const START_ATTEMPTS = 5;
/** Crash recovery replays up to max_wal_size (1 GB) before the server is ready. */
export const START_TIMEOUT_MS = 300_000;
/** How often the pid file is read while waiting; pg_ctl looks every 100 ms, which would be a third of a warm start. */
export const POLL_MS = 5;
const ADOPTED_POLL_MS = 250;
const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5_000;

/** Starts on the port of the last time when that is free; another program may take a port from under us, so tries again. */
export async function startServer(installation: PostgresInstallation): Promise<PostgresServer> {
  const { home } = installation;
  let words = '';
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const port = await freePort(attempt === 0 ? home.lastPort : 0);
    const logStart = statSync(home.logFile).size;
    const server = await tryStart(installation, port);
    if (server !== null) {
      home.savePort(port);
      return server;
    }
    words = readFileSync(home.logFile).subarray(logStart).toString('utf8').slice(-4096).trim();
    if (!/could not bind|Address already in use/.test(words)) break;
  }
  throw new StartupError(`PostgreSQL did not start: ${lastReason(words)} (log: ${home.logFile})`);
}

/** Null when the process ended before it was ready. */
async function tryStart(installation: PostgresInstallation, port: number): Promise<PostgresServer | null> {
  const child = spawnServer(installation, port);
  const pid = await spawned(child);
  const startTime = processStartTime(pid) ?? '';
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const file = readPidFile(installation.clusterDir);
    if (file?.pid === pid && file.status === 'ready') return { process: { pid, startTime, port }, exited };
    if (Date.now() > deadline) {
      await stopServer({ process: { pid, startTime, port }, exited });
      throw new StartupError(
        `PostgreSQL was not ready after ${START_TIMEOUT_MS / 1000} s (log: ${installation.home.logFile})`,
      );
    }
    await sleep(POLL_MS);
  }
  return null;
}

function spawnServer({ binaries, user, home, clusterDir, settings }: PostgresInstallation, port: number): ChildProcess {
  const log = openSync(home.logFile, 'a');
  const options = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const identity = user === null ? {} : { uid: user.uid, gid: user.gid };
  try {
    return spawn(binaries.postgres, ['-D', clusterDir, ...options], {
      ...identity,
      cwd: '/',
      env: postgresEnvironment(),
      detached: true,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number));
    child.once('error', (error) => reject(new StartupError(`PostgreSQL could not be run: ${error.message}`)));
  });
}

/** The most telling line of what PostgreSQL wrote: its fatal one, else the last. */
function lastReason(words: string): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  const line =
    lines.findLast((text) => text.includes('FATAL:') || text.includes('PANIC:')) ?? lines.at(-1) ?? 'it said nothing';
  return line.replace(/^.*?(FATAL|PANIC):\s*/, '');
}

/** Fast shutdown (SIGINT), then immediate (SIGQUIT), then SIGKILL, each within its bound. */
export async function stopServer({ process: server }: PostgresServer): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const) {
    if (!isAlive(server)) return;
    process.kill(server.pid, signal);
    const deadline = Date.now() + waitMs;
    while (isAlive(server) && Date.now() < deadline) await sleep(POLL_MS);
  }
}

/** Immediate shutdown, without waiting for it. */
export function abortServer({ process: server }: PostgresServer): void {
  if (isAlive(server)) process.kill(server.pid, 'SIGQUIT');
}

/** Resolves when a process that is not our child is gone. Does not keep this process alive. */
export async function watchExit(server: Pick<Postmaster, 'pid' | 'startTime'>): Promise<void> {
  while (isAlive(server)) await sleep(ADOPTED_POLL_MS, undefined, { ref: false });
}
