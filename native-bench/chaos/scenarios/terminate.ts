/** SIGTERM under load, then a start on the same data folder. */
import { usageSection } from '../features.ts';
import { Rig } from '../rig.ts';
import { judgeExact, judgeWhole, type Outcome, type RunOptions, type Scenario, summarize } from '../scenario.ts';

const PROMISE =
  'exit code 0; every answer that began ends whole; all of them billed exactly; no row twice; nothing left over';

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const rounds = quick ? 1 : 3;
  const rig = await Rig.start({ seed, config: { usage: usageSection('async') } });
  try {
    await rig.startLoad();
    const serviceMs: number[] = [];
    const codes: (number | null)[] = [];
    for (let i = 0; i < rounds; i++) {
      await rig.anyTime(100, 800);
      const askedMs = performance.now();
      codes.push(await rig.gateway.terminate());
      await rig.gateway.launch();
      await rig.prober.serviceAfter(performance.now());
      serviceMs.push(rig.prober.outageAfter(askedMs).overMs);
      await rig.flowing();
      say(
        `terminate ${i + 1}/${rounds}: exit ${codes.at(-1)}, serving again after ${Math.round(serviceMs.at(-1)!)} ms`,
      );
    }
    await rig.stopLoad();
    const outcome = await rig.outcome('SIGTERM under load and a new start', PROMISE, rounds);
    outcome.service = summarize(serviceMs);
    if (codes.some((code) => code !== 0)) outcome.failures.push(`exit codes ${codes.join(', ')}`);
    judgeWhole(outcome);
    judgeExact(outcome);
    return [outcome];
  } finally {
    await rig.close();
  }
}

export const terminate: Scenario = { name: 'terminate', title: 'SIGTERM under load', run };
