/**
 * Which cores a benchmark's processes run on: the contender has its own, load, mock and databases share the others. Needs two
 * cores and `taskset` (util-linux); without them nothing is pinned, and the report says so.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export type Side = 'contender' | 'others';

const CORES = availableParallelism();
const HAS_TASKSET = spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

/** Core lists as taskset takes them; null where nothing can be pinned. */
const SIDES: Record<Side, string> | null =
  CORES >= 2 && HAS_TASKSET ? { contender: '0', others: CORES === 2 ? '1' : `1-${CORES - 1}` } : null;

/** Binds all present threads of a process; what it starts later inherits that. A process that has just ended is no error. */
export function pin(pid: number, side: Side): void {
  if (SIDES !== null) spawnSync('taskset', ['-a', '-p', '-c', SIDES[side], String(pid)], { stdio: 'ignore' });
}

export function describePinning(): string {
  if (SIDES !== null) return `contender on core ${SIDES.contender}; load, mock and databases on ${SIDES.others}`;
  return CORES < 2 ? 'not pinned: one core' : 'not pinned: no taskset';
}
