/** What a case costs to another case of the same contender in the same round, where no second contender is the measure. */
import { find, type Ratio, ratioOf } from '../report/ratios.ts';
import type { Rig } from './scenario.ts';

export interface CasePair {
  metric: string;
  case: string;
  base: string;
}

/** Throws when one of them was not measured: both are the scenario's own. */
export function caseRatio({ measurements }: Rig, pair: CasePair): Ratio {
  const valuesOf = (name: string): (number | null)[] =>
    find(measurements, { case: name, metric: pair.metric }, 'Penstock')?.values ?? [];
  const ratio = ratioOf(valuesOf(pair.case), valuesOf(pair.base));
  if (ratio === null) throw new Error(`${pair.metric} of ${pair.case} or ${pair.base} was not measured`);
  return ratio;
}
