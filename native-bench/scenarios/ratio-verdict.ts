/** A goal that is a ratio of two contenders: judged by the median of the rounds. */
import { formatRatio, type Place, ratioAt } from '../report/ratios.ts';
import type { ContenderName, Rig } from './scenario.ts';

export interface RatioGoal {
  goal: string;
  place: Place;
  base: ContenderName;
  max: number;
  kind: 'goal' | 'gate' | 'stretch';
  contender?: ContenderName;
  /** What is known of the reason when it is not held. */
  why?: string;
}

export function ratioVerdict(rig: Rig, { goal, place, base, max, kind, contender = 'Penstock', why }: RatioGoal): void {
  const ratio = ratioAt(rig.measurements, place, contender, base);
  const held = ratio === null ? null : ratio.median <= max;
  const unmeasured = `${contender} or ${base} was not measured`;
  const short =
    why ??
    `${((ratio?.median ?? max) / max - 1) * 100 < 0.5 ? 'just' : `${(((ratio?.median ?? max) / max - 1) * 100).toFixed(0)} %`} above`;
  const name = kind === 'goal' ? '' : `${kind}: `;
  rig.verdict({
    goal,
    bound: `${name}≤ ${max} × ${base}`,
    measured: formatRatio(ratio),
    held,
    why: held === null ? unmeasured : held ? '' : short,
  });
}
