/** Goals that are ratios: judged by the median of the rounds. */
import { formatRatio, type Place, type Ratio, ratioAt } from '../report/ratios.ts';
import type { ContenderName, Rig } from './scenario.ts';

export interface RatioGoal {
  goal: string;
  place: Place;
  base: ContenderName;
  max: number;
  kind: 'goal' | 'gate' | 'stretch';
  contender?: ContenderName;
}

/** Of two contenders. */
export function ratioVerdict(rig: Rig, { goal, place, base, max, kind, contender = 'Penstock' }: RatioGoal): void {
  const ratio = ratioAt(rig.measurements, place, contender, base);
  const bound = `${kind === 'goal' ? '' : `${kind}: `}≤ ${max} × ${base}`;
  judgeRatio(rig, ratio, { goal, bound, max, unmeasured: `${contender} or ${base} was not measured` });
}

export interface RatioJudgement {
  goal: string;
  bound: string;
  max: number;
  /** Added where it is not held. */
  why?: string;
  unmeasured?: string;
}

export function judgeRatio(rig: Rig, ratio: Ratio | null, judgement: RatioJudgement): void {
  const { goal, bound, max, why = '', unmeasured = 'no round measured both' } = judgement;
  const held = ratio === null ? null : ratio.median <= max;
  rig.verdict({ goal, bound, measured: formatRatio(ratio), held, why: whyNot(ratio, max, why, unmeasured) });
}

function whyNot(ratio: Ratio | null, max: number, why: string, unmeasured: string): string {
  if (ratio === null) return unmeasured;
  if (ratio.median <= max) return '';
  const above = `${((ratio.median / max - 1) * 100).toFixed(0)} % above`;
  return why === '' ? above : `${above}; ${why}`;
}
