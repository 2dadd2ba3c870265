/**
 * What `postmaster.pid` in a cluster folder says, and whether it is true. Its lines, from PostgreSQL's
 * src/include/utils/pidfile.h: 1 pid, 2 data folder, 3 start time, 4 port, 5 socket folder, 6 listen address,
 * 7 shared memory key, 8 status (`starting`, `ready   `, `stopping`).
 * Supervisor process only.
 */
import { readdirSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { processStartTime } from '#base/process-identity.ts';

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export interface Postmaster extends PidFile {
  /** Tells this process from a later one of the same pid. */
  readonly startTime: string;
  /** The program it was started as; ends in ` (deleted)` when that file was replaced since. Empty when not known. */
  readonly program: string;
}

/** What the file says, true or not; null when there is none. */
export function readPidFile(clusterDir: string): PidFile | null {
  let lines: string[];
  try {
    lines = readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0), status: (lines[7] ?? 'starting').trim() };
}

/** The live postmaster of this cluster, or null when there is none (no file, or a stale one). */
export function findPostmaster(clusterDir: string): Postmaster | null {
  const file = readPidFile(clusterDir);
  if (file === null) return null;
  const startTime = processStartTime(file.pid);
  if (startTime === null || !isPostmaster(file.pid, clusterDir)) return null;
  return { ...file, startTime, program: readLink(`/proc/${file.pid}/exe`) ?? commandLine(file.pid)[0] ?? '' };
}

/** True while that very process lives. */
export function isAlive(postmaster: Pick<Postmaster, 'pid' | 'startTime'>): boolean {
  return processStartTime(postmaster.pid) === postmaster.startTime;
}

/**
 * Removes a `postmaster.pid` that would make PostgreSQL refuse to start although its postmaster is gone: the pid now belongs to
 * another program, or to a dead process that nobody has reaped. False while backends of the dead postmaster live on: ask again.
 * A file whose process is gone altogether is left to PostgreSQL, which also looks for survivors in its shared memory.
 */
export function dropMisleadingPidFile(clusterDir: string): boolean {
  const file = readPidFile(clusterDir);
  if (file === null || !hasPid(file.pid)) return true;
  if (hasBackends(clusterDir)) return false;
  unlinkSync(join(clusterDir, 'postmaster.pid'));
  return true;
}

/** What PostgreSQL itself asks: does anything have this pid, a zombie included? */
function hasPid(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether any process works inside the cluster folder. */
function hasBackends(clusterDir: string): boolean {
  if (process.platform !== 'linux') return false;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && readLink(`/proc/${name}/cwd`) === clusterDir);
}

/**
 * By its command line, which is readable for everybody; /proc/PID/cwd and exe are not for a root without CAP_SYS_PTRACE (the
 * default in containers) once the process runs as another user. Backends rename themselves `postgres: …`.
 */
function isPostmaster(pid: number, clusterDir: string): boolean {
  // Without /proc there is only the pid file's word for it.
  if (process.platform !== 'linux') return true;
  const words = commandLine(pid);
  if (basename(words[0] ?? '') !== 'postgres') return false;
  return words.includes(clusterDir) || readLink(`/proc/${pid}/cwd`) === clusterDir;
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
