/**
 * Holds a run to a baseline. A ratio is worse when its median is so by more than the noise of both runs: half the range of each,
 * relative to its median, added as independent errors, and never less than a floor. A figure has regressed when it is worse beside more
 * than half of the contenders: what changed in Penstock shows beside all of them, what changed in one of them beside that one. Pure.
 */
import type { Baseline, BaselineEntry } from './baseline.ts';
import { formatFigure } from './figures.ts';
import { markdownTable } from './markdown.ts';

/** What two runs of one version differ by on a quiet machine, at the least. */
const FLOOR = 0.05;
/** One or two rounds tell little of their spread. */
const FEW_ROUNDS = 3;
const FLOOR_FEW_ROUNDS = 0.15;
/** Counts do not depend on the machine's speed, but how much one turn of the loop brings together does move them. */
const COUNT_FLOOR = 0.25;
/** Below it a count is none, and more than it beside none is one. */
const COUNT_SMALL = 0.05;

export interface Compared {
  then: BaselineEntry;
  now: BaselineEntry;
  /** Worse is positive: 0.1 is a tenth worse than then. */
  worseBy: number;
  noise: number;
  verdict: 'regressed' | 'improved' | 'doubtful' | 'same';
}

export interface Comparison {
  compared: Compared[];
  /** In the baseline, in a scenario that ran, and not measured now. */
  missing: BaselineEntry[];
  /** Measured now and not in the baseline. */
  fresh: BaselineEntry[];
}

export function compareBaselines(then: Baseline, now: Baseline): Comparison {
  if (then.quick !== now.quick) {
    const kind = ({ quick }: Baseline): string => (quick ? 'a quick run' : 'a full run');
    throw new Error(`the baseline is of ${kind(then)} and the results are of ${kind(now)}: they load differently`);
  }
  const before = new Map(then.entries.map((entry) => [keyOf(entry), entry]));
  const after = new Map(now.entries.map((entry) => [keyOf(entry), entry]));
  const ran = new Set(now.entries.map(({ scenario }) => scenario));
  const compared = [...after].flatMap(([key, entry]) => {
    const old = before.get(key);
    return old === undefined ? [] : [compareEntry(old, entry)];
  });
  return {
    compared: [
      ...Map.groupBy(compared, ({ now: { scenario, case: name, metric, kind } }) =>
        JSON.stringify([scenario, name, metric, kind]),
      ).values(),
    ].flatMap(agree),
    missing: [...before]
      .filter(([key, { scenario }]) => ran.has(scenario) && !after.has(key))
      .map(([, entry]) => entry),
    fresh: [...after].filter(([key]) => !before.has(key)).map(([, entry]) => entry),
  };
}

function keyOf({ scenario, case: name, metric, what }: BaselineEntry): string {
  return JSON.stringify([scenario, name, metric, what]);
}

function compareEntry(then: BaselineEntry, now: BaselineEntry): Compared {
  const noise = Math.max(floorOf(then, now), Math.hypot(spreadOf(then), spreadOf(now)));
  const worseBy = worsening(then, now);
  const verdict = worseBy > noise ? 'regressed' : -worseBy > noise / (1 + noise) ? 'improved' : 'same';
  return { then, now, worseBy, noise, verdict };
}

/** Comparisons of one figure: what only some of them show is doubtful. */
function agree(group: readonly Compared[]): Compared[] {
  return group.map((one) => {
    const same = group.filter(({ verdict }) => verdict === one.verdict).length;
    return one.verdict === 'same' || same * 2 > group.length ? one : { ...one, verdict: 'doubtful' };
  });
}

function floorOf(then: BaselineEntry, now: BaselineEntry): number {
  if (now.kind === 'count') return COUNT_FLOOR;
  return Math.min(then.rounds, now.rounds) < FEW_ROUNDS ? FLOOR_FEW_ROUNDS : FLOOR;
}

function spreadOf({ median, min, max }: BaselineEntry): number {
  return median === 0 ? 0 : (max - min) / 2 / Math.abs(median);
}

/** Of a share of 0, and of what may be negative (a latency that is added), only the difference can be told. */
function worsening(then: BaselineEntry, now: BaselineEntry): number {
  const [from, to] = now.better === 'lower' ? [then.median, now.median] : [now.median, then.median];
  if (now.kind === 'count' && Math.abs(to - from) <= COUNT_SMALL) return 0;
  if (from > 0) return to / from - 1;
  return to === from ? 0 : to > from ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

/** The comparison in words; what has regressed comes first. */
export function describeComparison({ compared, missing, fresh }: Comparison): string {
  const of = (verdict: Compared['verdict']): Compared[] => compared.filter((one) => one.verdict === verdict);
  const [regressed, improved, doubtful] = [of('regressed'), of('improved'), of('doubtful')];
  return [
    regressed.length === 0 ? 'Nothing regressed beyond noise.' : `Regressed:\n\n${table(regressed)}`,
    improved.length === 0 ? '' : `Improved:\n\n${table(improved)}`,
    doubtful.length === 0 ? '' : `Moved beside some contenders alone, so rather theirs:\n\n${table(doubtful)}`,
    `${of('same').length} of ${compared.length} are within noise.`,
    names('In the baseline and not measured now:', missing),
    names('Not in the baseline:', fresh),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function table(rows: readonly Compared[]): string {
  const right = 'right' as const;
  return markdownTable(
    [
      { head: 'scenario' },
      { head: 'case' },
      { head: 'metric' },
      { head: 'of' },
      { head: 'then', align: right },
      { head: 'now', align: right },
      { head: 'change', align: right },
      { head: 'noise', align: right },
    ],
    rows.map(({ then, now, noise }) => [
      now.scenario,
      now.case,
      now.metric,
      now.what,
      formatFigure(then.median),
      formatFigure(now.median),
      then.median === 0 ? '' : percent(now.median / then.median - 1, '+'),
      percent(noise, '±'),
    ]),
  );
}

function percent(share: number, sign: '+' | '±'): string {
  return `${share < 0 ? '' : sign}${(share * 100).toFixed(0)} %`;
}

function names(head: string, entries: readonly BaselineEntry[]): string {
  if (entries.length === 0) return '';
  return [head, ...entries.map((one) => `  ${one.scenario}: ${one.case}: ${one.metric}: ${one.what}`)].join('\n');
}
