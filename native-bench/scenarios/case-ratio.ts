/** What a case costs to another case of the same contender in the same round, where no second contender is the measure. */
import { find, type Ratio, ratioOf } from '../report/ratios.ts';
import type { ContenderName, Rig } from './scenario.ts';

export interface CasePair {
  metric: string;
  case: string;
  base: string;
  /** Loaded at the same time in both cases, and touched by neither: what it gained or lost is the machine's doing and is divided out. */
  control?: ContenderName | null;
}

/** Null when no round measured both cases. */
export function caseRatio({ measurements }: Rig, { metric, case: name, base, control = null }: CasePair): Ratio | null {
  const valuesOf = (place: string): (number | null)[] => {
    const values = find(measurements, { case: place, metric }, 'Penstock')?.values ?? [];
    const controls = control === null ? undefined : find(measurements, { case: place, metric }, control)?.values;
    return values.map((value, round) => over(value, controls === undefined ? 1 : (controls[round] ?? null)));
  };
  return ratioOf(valuesOf(name), valuesOf(base));
}

function over(value: number | null, control: number | null): number | null {
  return value === null || control === null || control === 0 ? null : value / control;
}
