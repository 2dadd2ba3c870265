/** CPU time that a contender spends on a piece of work, per unit of it. */
import type { Contender } from '../peers/contender.ts';
import { cpuTime } from './cpu-time.ts';

export interface CpuCost {
  /** Microseconds per unit: user, system, both, and of processes that work behind (the database). */
  userUs: number;
  systemUs: number;
  totalUs: number;
  behindUs: number;
  units: number;
  seconds: number;
}

/** `work` resolves with the number of units it got done. The kernel counts in ticks of 10 ms: let it last some seconds. */
export async function cpuOf(contender: Contender, work: () => Promise<number>): Promise<CpuCost> {
  const startedMs = performance.now();
  const before = cpuTime(contender.pids());
  const behindBefore = cpuTime(contender.behindPids());
  const units = await work();
  const after = cpuTime(contender.pids());
  const behind = cpuTime(contender.behindPids());
  const userUs = ((after.userMs - before.userMs) * 1000) / units;
  const systemUs = ((after.systemMs - before.systemMs) * 1000) / units;
  const behindMs = behind.userMs + behind.systemMs - behindBefore.userMs - behindBefore.systemMs;
  const seconds = (performance.now() - startedMs) / 1000;
  return { userUs, systemUs, totalUs: userUs + systemUs, behindUs: (behindMs * 1000) / units, units, seconds };
}
