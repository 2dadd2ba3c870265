/** SIGHUP, twelve times, under clients that open a new connection for every request. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { usageSection } from '../features.ts';
import { Rig } from '../rig.ts';
import {
  judgeExact,
  judgeWhole,
  notRun,
  type Outcome,
  type RunOptions,
  type Scenario,
  summarize,
} from '../scenario.ts';

const NAME = 'reload, SIGHUP under 64 connecting clients';
const PROMISE =
  'no refused connection or request; resets of connections not yet accepted below 1 in 1,000; no answer broken; limits hold across both processes; all billed exactly; nothing left over';
const CLIENTS = 64;
const RESET_SHARE_MAX = 0.001;
/** Few connections on a crowded machine: a switch may reset what waits in one accept queue at that moment. */
const QUICK_RESETS_A_RELOAD = 2;
const OLD_END_BOUND_MS = 40_000;

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const reloads = quick ? 2 : 12;
  const rig = await Rig.start({
    seed,
    clients: CLIENTS,
    fresh: true,
    streams: 0.1,
    config: { usage: usageSection('async') },
  });
  try {
    await rig.startLoad();
    const serviceMs: number[] = [];
    for (let i = 0; i < reloads; i++) {
      await rig.anyTime(100, 600);
      const { pid, gatewayPid } = rig.gateway;
      const askedMs = performance.now();
      process.kill(pid, 'SIGHUP');
      if (!(await reloaded(rig, gatewayPid))) {
        await rig.gateway.kill();
        return [notRun(NAME, PROMISE, 'this build ends on SIGHUP')];
      }
      await rig.prober.serviceAfter(performance.now());
      serviceMs.push(rig.prober.outageAfter(askedMs).lengthMs);
      await gone(gatewayPid);
      await rig.flowing();
      say(`reload ${i + 1}/${reloads}: the old process is gone after ${Math.round(performance.now() - askedMs)} ms`);
    }
    await rig.stopLoad();
    const outcome = judge(await rig.outcome(NAME, PROMISE, reloads), rig, serviceMs);
    const { sent } = outcome.audit!;
    const resetsMax = Math.max(sent * RESET_SHARE_MAX, quick ? reloads * QUICK_RESETS_A_RELOAD : 0);
    if (outcome.connects.reset > resetsMax)
      outcome.failures.push(`${outcome.connects.reset} of ${sent} connections reset`);
    return [outcome];
  } finally {
    await rig.close();
  }
}

/** False: the supervisor took the signal as its end. */
async function reloaded(rig: Rig, before: number): Promise<boolean> {
  const ended = new AbortController();
  const next = rig.nextGateway(before, 30_000).then(() => true);
  next.catch(() => {});
  const end = (async () => {
    while (!ended.signal.aborted && isAlive(rig.gateway.pid)) await sleep(20);
    return false;
  })();
  try {
    return await Promise.race([next, end]);
  } finally {
    ended.abort();
  }
}

async function gone(pid: number): Promise<void> {
  const endMs = performance.now() + OLD_END_BOUND_MS;
  while (isAlive(pid) && performance.now() < endMs) await sleep(20);
  if (isAlive(pid)) throw new Error(`the old gateway process ${pid} did not end within ${OLD_END_BOUND_MS} ms`);
}

/** Ended but not yet waited for counts as gone. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

function judge(outcome: Outcome, rig: Rig, serviceMs: number[]): Outcome {
  const { failures, notes, connects, audit } = outcome;
  const { readAndLost } = audit!;
  outcome.service = summarize(serviceMs);
  if (connects.refused > 0) failures.push(`${connects.refused} connections refused`);
  for (const [status, count] of Object.entries(audit!.refused)) failures.push(`${count} refused with ${status}`);
  if (readAndLost > 0) failures.push(`${readAndLost} requests that were read got no answer`);
  judgeWhole(outcome);
  judgeExact(outcome);
  const over = rig.overLimit();
  if (over.length > 0) failures.push(`above an account's limit: ${over.join(', ')}`);
  notes.push('the time without service is the longest in which no new connection got an answer');
  notes.push(`net.ipv4.tcp_migrate_req=${migrateRequests()}`);
  return outcome;
}

function migrateRequests(): string {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

export const reload: Scenario = { name: 'reload', title: 'SIGHUP under connecting clients', run };
