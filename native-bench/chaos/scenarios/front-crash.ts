/** An uncaught exception inside a front, by the product's own test switch, again and again under traffic. */
import { waitFor } from '../../../test/support/wait-for.ts';
import { HAS_CRASH_HEADER, usageSection } from '../features.ts';
import { Rig } from '../rig.ts';
import { judgeExact, notRun, type Outcome, type RunOptions, type Scenario, summarize } from '../scenario.ts';

const FAULTS = [
  { name: 'front, uncaught exception', fault: 'crash-front' },
  { name: 'front, end without settling', fault: 'leak-front' },
] as const;
const PROMISE =
  'no completed answer unbilled or billed differently; no row twice; no place, ticket, body or stream byte left over; the process lives; the other fronts serve on';

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, fault } of FAULTS) {
    if (HAS_CRASH_HEADER) outcomes.push(await runFault(name, fault, { quick, seed, say }));
    else outcomes.push(notRun(name, PROMISE, 'this build has no test.crashHeader'));
  }
  return outcomes;
}

async function runFault(name: string, fault: string, { quick, seed, say }: RunOptions): Promise<Outcome> {
  const crashes = quick ? 2 : 10;
  const config = { usage: usageSection('async'), test: { nameFront: true, crashHeader: true } };
  const rig = await Rig.start({ seed, config });
  try {
    const { gatewayPid } = rig.gateway;
    await rig.startLoad();
    const serviceMs: number[] = [];
    for (let i = 0; i < crashes; i++) {
      await rig.anyTime(50, 600);
      const crashedMs = performance.now();
      await crash(rig, fault, `crash-${i}`);
      serviceMs.push(await rig.prober.serviceAfter(crashedMs));
      await waitFor('every front', () => isWhole(rig), { boundMs: 30_000 });
      await rig.flowing();
      say(`${fault} ${i + 1}/${crashes}: every front back after ${Math.round(performance.now() - crashedMs)} ms`);
    }
    await rig.stopLoad();
    const outcome = await rig.outcome(name, PROMISE, crashes);
    outcome.service = summarize(serviceMs);
    judgeExact(outcome);
    if (rig.ready().gatewayPid !== gatewayPid) outcome.failures.push('the gateway process was replaced');
    return outcome;
  } finally {
    await rig.close();
  }
}

/** Sends the request that kills its front, and gives primary a moment to notice. */
async function crash(rig: Rig, fault: string, label: string): Promise<void> {
  const { ending } = await rig.ask(label, { 'x-penstock-test': fault });
  if (ending === 'completed') throw new Error('a front did not crash when it was told to');
  await waitFor('a missing front', async () => !(await isWhole(rig)), { boundMs: 500 }).catch(() => {});
}

async function isWhole(rig: Rig): Promise<boolean> {
  const metrics = await rig.gateway.metrics();
  return metrics.get('penstock_fronts_alive') === metrics.get('penstock_fronts_wanted');
}

export const frontCrash: Scenario = { name: 'front-crash', title: 'crash of a front', run };
