/** Stops the embedded PostgreSQL of a test gateway in its tracks (SIGSTOP) and lets it go on, all of its processes by their ids. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the ids to hand to `resumePostgres`. */
export function pausePostgres(dataDir: string): number[] {
  const pids = postgresPids(dataDir);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  return pids;
}

export function resumePostgres(pids: number[]): void {
  for (const pid of pids.toReversed()) process.kill(pid, 'SIGCONT');
}

/** The postmaster first, then its children. */
export function postgresPids(dataDir: string): number[] {
  const postmaster = Number(readFileSync(join(dataDir, 'pg/postmaster.pid'), 'utf8').split('\n', 1)[0]);
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === postmaster)
    .map(Number);
  return [postmaster, ...children];
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
