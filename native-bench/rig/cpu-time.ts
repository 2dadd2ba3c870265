/**
 * CPU time of processes from /proc, all threads included. Resolution is one kernel tick (10 ms), so a measurement has to
 * last some seconds.
 */
import { readdirSync, readFileSync } from 'node:fs';

const TICK_MS = 10;

export interface CpuTime {
  userMs: number;
  systemMs: number;
}

/** Sum over the processes; one that is gone counts nothing. */
export function cpuTime(pids: number[]): CpuTime {
  const sum = { userMs: 0, systemMs: 0 };
  for (const pid of pids) {
    const one = readStat(`/proc/${pid}/stat`);
    sum.userMs += one?.userMs ?? 0;
    sum.systemMs += one?.systemMs ?? 0;
  }
  return sum;
}

export interface ThreadTime extends CpuTime {
  id: number;
  name: string;
}

export function threadTimes(pid: number): ThreadTime[] {
  const times: ThreadTime[] = [];
  for (const id of readdirSync(`/proc/${pid}/task`).map(Number)) {
    const time = readStat(`/proc/${pid}/task/${id}/stat`);
    if (time !== null) times.push({ ...time, id });
  }
  return times;
}

/** A process and everything that it started. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]!) ?? []));
  return tree;
}

function parentOf(pid: number): number | null {
  return readFields(`/proc/${pid}/stat`)?.parent ?? null;
}

function readStat(path: string): (CpuTime & { name: string }) | null {
  return readFields(path);
}

/** proc(5): `pid (comm) state ppid …`, utime and stime are fields 14 and 15. */
function readFields(path: string): (CpuTime & { name: string; parent: number }) | null {
  try {
    const text = readFileSync(path, 'utf8');
    const close = text.lastIndexOf(')');
    const fields = text.slice(close + 2).split(' ');
    return {
      name: text.slice(text.indexOf('(') + 1, close),
      parent: Number(fields[1]),
      userMs: Number(fields[11]) * TICK_MS,
      systemMs: Number(fields[12]) * TICK_MS,
    };
  } catch {
    return null;
  }
}
