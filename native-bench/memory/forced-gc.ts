/** Resident memory after forced collections, of processes of Node that were started to allow it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { withNodeOptions } from '../rig/node-options.ts';
import { resident } from './resident.ts';

const SETTLE_SECONDS = 1.5;
const TIMES = 2;

/** Whatever `start` starts collects its garbage on SIGUSR2, in every thread. */
export function withForcedGc<T>(start: () => Promise<T>): Promise<T> {
  return withNodeOptions(`--import=${new URL('force-gc.ts', import.meta.url).href}`, start);
}

/** Of a process that was started with forced collections; it is done some milliseconds later. Any other one would be ended by it. */
export function collectGarbage(pid: number): void {
  process.kill(pid, 'SIGUSR2');
}

/** Resident bytes after every thread has collected its garbage, twice, and given pages back. */
export async function settledBytes(pids: readonly number[], seconds = SETTLE_SECONDS): Promise<number> {
  for (let i = 0; i < TIMES; i++) {
    for (const pid of pids) collectGarbage(pid);
    await sleep(seconds * 1_000);
  }
  return residentBytes(pids);
}

export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + resident(pid).nowBytes, 0);
}
