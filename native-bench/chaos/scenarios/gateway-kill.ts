/** `kill -9` of the gateway process at random moments, once per durability mode. */
import { asyncWindowMs, lateness } from '../audit.ts';
import { DURABILITIES, type Durability, usageSection } from '../features.ts';
import { Rig } from '../rig.ts';
import { judgeExact, type Outcome, type RunOptions, type Scenario, summarize } from '../scenario.ts';

const PROMISES: Record<Durability, string> = {
  journaled: 'no completed answer unbilled or billed differently; no row twice; nothing left over; service within 2 s',
  async:
    'no row twice; nothing left over; of completed answers at most those of the last milliseconds unbilled; service within 2 s',
};
const KILLS = 20;
const SERVICE_BOUND_MS = 2_000;
/** A quick run shares its cores with other tests. */
const QUICK_SERVICE_BOUND_MS = 20_000;

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const durability of DURABILITIES) {
    const outcome = await runMode(durability, quick ? 2 : KILLS, seed, say);
    const boundS = (quick ? QUICK_SERVICE_BOUND_MS : SERVICE_BOUND_MS) / 1000;
    if (outcome.service!.maxS > boundS)
      outcome.failures.push(`service took ${outcome.service!.maxS.toFixed(2)} s after a kill`);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function runMode(durability: Durability, kills: number, seed: number, say: RunOptions['say']): Promise<Outcome> {
  const rig = await Rig.start({ seed, config: { usage: usageSection(durability) } });
  try {
    await rig.startLoad();
    const serviceMs: number[] = [];
    const killedAtMs: number[] = [];
    for (let i = 0; i < kills; i++) {
      await rig.anyTime(100, 1_200);
      const { gatewayPid } = rig.gateway;
      const killedMs = performance.now();
      process.kill(gatewayPid, 'SIGKILL');
      killedAtMs.push(killedMs);
      serviceMs.push(await rig.prober.serviceAfter(killedMs));
      await rig.nextGateway(gatewayPid);
      await rig.flowing();
      say(`gateway-kill ${durability} ${i + 1}/${kills}: service after ${Math.round(serviceMs.at(-1)!)} ms`);
    }
    await rig.stopLoad();
    const outcome = await rig.outcome(`gateway process, kill -9, ${durability}`, PROMISES[durability], kills);
    outcome.service = summarize(serviceMs);
    return judge(outcome, durability, lateness(outcome.audit!.faulty, killedAtMs), asyncWindowMs(kills < KILLS));
  } finally {
    await rig.close();
  }
}

function judge(outcome: Outcome, durability: Durability, lateMs: number[], windowMs: number): Outcome {
  const { failures, notes, audit } = outcome;
  const { unbilled, different } = audit!;
  if (durability === 'journaled') {
    judgeExact(outcome);
  } else {
    const latest = Math.max(0, ...lateMs);
    notes.push(
      `async: ${unbilled} completed answers without a row, ${different} billed as interrupted; ended at most ${latest.toFixed(1)} ms before a kill`,
    );
    if (latest > windowMs)
      failures.push(`an answer that completed ${Math.round(latest)} ms before the kill is not billed in full`);
  }
  return outcome;
}

export const gatewayKill: Scenario = { name: 'gateway-kill', title: 'kill -9 of the gateway process', run };
