/**
 * CPU time of threads in nanoseconds, by the scheduler's own account in proc(5): for work that is over within some ticks of the
 * coarser clock (`cpu-time.ts`), and for single threads of a process. A thread that has ended counts nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Node gives its worker threads no names of their own; helpers of libuv and V8's scheduler have some. */
const NODE_THREAD = 'node';

export interface ThreadClock {
  id: number;
  name: string;
  nanoseconds: number;
  /** Times that it was put on a core: wake-ups, and turns that it got back from others. */
  turns: number;
}

/** Threads in the order in which they were started. */
export function threadClocks(pid: number): ThreadClock[] {
  const clocks: ThreadClock[] = [];
  for (const id of readdirSync(`/proc/${pid}/task`).map(Number)) {
    const clock = readClock(pid, id);
    if (clock !== null) clocks.push(clock);
  }
  return clocks;
}

/** Sum over all threads of the processes, in microseconds. */
export function processMicroseconds(pids: readonly number[]): number {
  return pids.flatMap((pid) => threadClocks(pid)).reduce((sum, { nanoseconds }) => sum + nanoseconds / 1000, 0);
}

export interface FrontTime {
  microseconds: number;
  turns: number;
}

/** A gateway process starts its fronts, then the usage-writer, and no thread of Node after them: sums over the fronts so far. */
export function frontTime(clocks: readonly ThreadClock[], fronts: number): FrontTime {
  const named = clocks.filter(({ name }) => name === NODE_THREAD);
  const sum = { microseconds: 0, turns: 0 };
  for (const { nanoseconds, turns } of named.slice(-fronts - 1, -1)) {
    sum.microseconds += nanoseconds / 1000;
    sum.turns += turns;
  }
  return sum;
}

/** `schedstat`: time on a core, time in the queue for one (both ns), times that it got one. */
function readClock(pid: number, id: number): ThreadClock | null {
  try {
    const name = readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim();
    const [onCore = 0, , turns = 0] = readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ').map(Number);
    return { id, name, nanoseconds: onCore, turns };
  } catch {
    return null;
  }
}
