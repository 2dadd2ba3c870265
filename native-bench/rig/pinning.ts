/**
 * Which cores a benchmark's processes run on: the contender has its own, load, mock and databases share the others. Needs two
 * cores and `taskset` (util-linux); without them nothing is pinned, and the report says so.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export type Side = 'contender' | 'others';

/** Of the machine: looked at before anything is bound, because Node counts those that it may use itself. */
export const CORES = availableParallelism();
const HAS_TASKSET = spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

/** Core lists as taskset takes them; null where nothing can be pinned. */
const SIDES: Record<Side, string> | null =
  CORES >= 2 && HAS_TASKSET ? { contender: '0', others: CORES === 2 ? '1' : `1-${CORES - 1}` } : null;

/** Binds all present threads of a process; what it starts later inherits that. A process that has just ended is no error. */
export function pin(pid: number, side: Side): void {
  if (SIDES !== null) pinTo(pid, SIDES[side]);
}

/** Binds all present threads of a process to a list of cores such as `0-3`. Without taskset it does nothing. */
export function pinTo(pid: number, cores: string): void {
  if (HAS_TASKSET) spawnSync('taskset', ['-a', '-p', '-c', cores, String(pid)], { stdio: 'ignore' });
}

/** Pieces of work that have all cores now. */
let onAll = 0;

/** All cores for this process and what it starts meanwhile: for times of work that several processes share, and for starts. */
export async function onAllCores<T>(work: () => Promise<T>): Promise<T> {
  if (onAll++ === 0) pinTo(process.pid, `0-${CORES - 1}`);
  try {
    return await work();
  } finally {
    if (--onAll === 0) pin(process.pid, 'others');
  }
}

export function describePinning(): string {
  if (SIDES !== null) return `contender on core ${SIDES.contender}; load, mock and databases on ${SIDES.others}`;
  return CORES < 2 ? 'not pinned: one core' : 'not pinned: no taskset';
}
