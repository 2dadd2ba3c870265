/** `kill -9` of the supervisor, alone or together with its gateway process and its PostgreSQL, each time followed by a new start. */
import { postgresPids } from '../../../test/support/postgres-pause.ts';
import { asyncWindowMs, lateness } from '../audit.ts';
import { usageSection } from '../features.ts';
import { Rig } from '../rig.ts';
import { type Outcome, type RunOptions, type Scenario, summarize } from '../scenario.ts';

const PROMISE =
  'the next start serves without help; a gateway process that lived finishes its streams; no row twice; nothing left over; answers completed under a process that was not killed are billed exactly';

/** What dies, round by round. */
const VICTIMS = [
  ['supervisor'],
  ['supervisor', 'gateway'],
  ['gateway', 'supervisor'],
  ['supervisor', 'postgres'],
  ['postgres', 'gateway', 'supervisor'],
] as const;

type Victim = (typeof VICTIMS)[number][number];

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const rounds = quick ? 2 : VICTIMS.length;
  const rig = await Rig.start({ seed, config: { usage: usageSection('async') } });
  try {
    await rig.startLoad();
    const serviceMs: number[] = [];
    const gatewayKilledMs: number[] = [];
    for (const victims of VICTIMS.slice(0, rounds)) {
      await rig.anyTime(200, 1_000);
      const killedMs = performance.now();
      for (const victim of victims) for (const pid of pidsOf(rig, victim)) process.kill(pid, 'SIGKILL');
      if ((victims as readonly Victim[]).includes('gateway')) gatewayKilledMs.push(killedMs);
      await rig.gateway.launch();
      await rig.prober.serviceAfter(performance.now());
      serviceMs.push(rig.prober.outageAfter(killedMs).overMs);
      await rig.flowing();
      say(
        `supervisor-kill: ${victims.join(', ')}: started again and serving after ${Math.round(serviceMs.at(-1)!)} ms`,
      );
    }
    await rig.stopLoad();
    const outcome = await rig.outcome('supervisor, kill -9 and a new start', PROMISE, rounds);
    outcome.service = summarize(serviceMs);
    judge(outcome, lateness(outcome.audit!.faulty, gatewayKilledMs), asyncWindowMs(quick));
    return [outcome];
  } finally {
    await rig.close();
  }
}

function pidsOf(rig: Rig, victim: Victim): number[] {
  if (victim === 'supervisor') return [rig.gateway.pid];
  if (victim === 'gateway') return [rig.gateway.gatewayPid];
  return postgresPids(rig.gateway.dataDir).slice(0, 1);
}

function judge({ audit, failures, notes }: Outcome, lateMs: number[], windowMs: number): void {
  const { unbilled, different } = audit!;
  const latest = Math.max(0, ...lateMs);
  notes.push(
    `${unbilled} completed answers without a row, ${different} billed as interrupted, all next to kills of the gateway`,
  );
  if (latest > windowMs)
    failures.push(
      `an answer that completed ${Math.round(latest)} ms before a kill of its gateway is not billed in full`,
    );
}

export const supervisorKill: Scenario = { name: 'supervisor-kill', title: 'kill -9 of the supervisor', run };
