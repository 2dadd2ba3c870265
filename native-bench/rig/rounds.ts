/** Alternated rounds: every contender once a round, each round in another order, so that drift meets all alike. */
import type { Contender } from '../peers/contender.ts';
import type { ContenderName, Rig } from '../scenarios/scenario.ts';

export interface Runner {
  name: ContenderName;
  contender: Contender;
}

/** Starts those of the names that take part and can run, side by side. */
export async function startAll(
  rig: Rig,
  names: readonly ContenderName[],
  upstream: string,
  options: Parameters<Rig['start']>[2] = {},
): Promise<Runner[]> {
  const starts = names.map(async (name): Promise<Runner[]> => {
    const contender = await rig.start(name, upstream, options);
    return contender === null ? [] : [{ name, contender }];
  });
  return (await Promise.all(starts)).flat();
}

/** A round of one contender that fails is named in the results and leaves a gap; the others go on. */
export async function alternate(
  rig: Rig,
  runners: readonly Runner[],
  measure: (runner: Runner, round: number) => Promise<void>,
  rounds = rig.rounds,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < runners.length; i++) {
      const runner = runners[(i + round) % runners.length]!;
      try {
        await measure(runner, round);
      } catch (error) {
        rig.skipped(`${runner.name}, round ${round + 1}`, (error as Error).message);
      }
    }
  }
}
