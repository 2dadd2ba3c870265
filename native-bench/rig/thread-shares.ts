/** Where a process spends its CPU time during some work: its busiest threads. */
import { threadTimes } from './cpu-time.ts';

const SHOWN = 6;

/** `front-0 81 % (user 2100 ms, system 900 ms)`, the busiest first. */
export async function busiestThreads(pid: number, work: () => Promise<unknown>): Promise<string[]> {
  const before = new Map(threadTimes(pid).map((thread) => [thread.id, thread]));
  await work();
  const spent = threadTimes(pid)
    .map(({ id, name, userMs, systemMs }) => ({
      name,
      userMs: userMs - (before.get(id)?.userMs ?? 0),
      systemMs: systemMs - (before.get(id)?.systemMs ?? 0),
    }))
    .filter(({ userMs, systemMs }) => userMs + systemMs > 0)
    .sort((a, b) => b.userMs + b.systemMs - a.userMs - a.systemMs);
  const allMs = spent.reduce((sum, { userMs, systemMs }) => sum + userMs + systemMs, 0);
  return spent.slice(0, SHOWN).map(({ name, userMs, systemMs }) => {
    const share = Math.round(((userMs + systemMs) / allMs) * 100);
    return `thread ${name} ${share} % (user ${userMs} ms, system ${systemMs} ms)`;
  });
}
