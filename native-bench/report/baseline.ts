/**
 * What a run leaves for later runs to be held to: ratios of Penstock to each other contender of the same run, and counts a request.
 * Never absolute times: those belong to the machine and the moment. Pure.
 */
import { median, ratioOf } from './ratios.ts';
import type { Measurement, Results } from './results.ts';

export const BASELINE_VERSION = 1;

export interface Baseline {
  version: typeof BASELINE_VERSION;
  /** Quick and full runs differ in what they load: never compared with each other. */
  quick: boolean;
  command: string;
  startedAt: string;
  machine: { cores: number; cpu: string; pinning: string };
  versions: Record<string, string>;
  entries: BaselineEntry[];
}

export interface BaselineEntry {
  scenario: string;
  case: string;
  metric: string;
  /** `Penstock / nginx` for a ratio, `Penstock` for a count. */
  what: string;
  kind: 'ratio' | 'count';
  better: 'lower' | 'higher';
  median: number;
  min: number;
  max: number;
  /** Rounds behind it. */
  rounds: number;
}

const OURS = 'Penstock';
/** Another checkout of Penstock: what it was belongs to that run alone. A part of Penstock is no measure of the whole. */
const NO_BASE = [OURS, 'before', 'tap alone'];
const HIGHER_IS_BETTER = /per second$/;
const COUNT = /^(SQL statements|system calls|Redis commands|compare-and-swap retries|doorbells) per /;
/** Parts of a figure that is compared as a whole. */
const NOT_COMPARED = ['of it system'];

export function baselineOf(results: Results): Baseline {
  const { quick, command, startedAt, machine, versions } = results;
  const { cores, cpu, pinning } = machine;
  return {
    version: BASELINE_VERSION,
    quick,
    command,
    startedAt,
    machine: { cores, cpu, pinning },
    versions,
    entries: results.scenarios.flatMap(({ name, measurements }) =>
      measurements
        .filter(({ contender, metric }) => contender === OURS && !NOT_COMPARED.includes(metric))
        .flatMap((ours) => [...countEntry(name, ours), ...ratioEntries(name, ours, measurements)]),
    ),
  };
}

function ratioEntries(scenario: string, ours: Measurement, all: readonly Measurement[]): BaselineEntry[] {
  // A count needs no other beside it: it does not depend on how fast the machine is.
  if (COUNT.test(ours.metric)) return [];
  return all
    .filter((one) => one.case === ours.case && one.metric === ours.metric && !NO_BASE.includes(one.contender))
    .flatMap((base) => {
      const ratio = ratioOf(ours.values, base.values);
      if (ratio === null) return [];
      const { pairs, ...figures } = ratio;
      return [entry(scenario, ours, { what: `${OURS} / ${base.contender}`, kind: 'ratio', ...figures, rounds: pairs })];
    });
}

function countEntry(scenario: string, ours: Measurement): BaselineEntry[] {
  const values = ours.values.filter((value) => value !== null);
  if (!COUNT.test(ours.metric) || values.length === 0) return [];
  const figures = { median: median(values), min: Math.min(...values), max: Math.max(...values) };
  return [entry(scenario, ours, { what: OURS, kind: 'count', ...figures, rounds: values.length })];
}

type Figures = Pick<BaselineEntry, 'what' | 'kind' | 'median' | 'min' | 'max' | 'rounds'>;

function entry(scenario: string, ours: Measurement, figures: Figures): BaselineEntry {
  const better = HIGHER_IS_BETTER.test(ours.metric) ? 'higher' : 'lower';
  const { what, kind, rounds } = figures;
  const [middle, min, max] = [figures.median, figures.min, figures.max].map(rounded) as [number, number, number];
  return { scenario, case: ours.case, metric: ours.metric, what, kind, better, median: middle, min, max, rounds };
}

/** Four digits are more than a ratio knows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Scenarios of `fresh` take the place of those of the same name; the others stay as they were. */
export function mergeBaseline(old: Baseline, fresh: Baseline): Baseline {
  const renewed = new Set(fresh.entries.map(({ scenario }) => scenario));
  return { ...fresh, entries: [...old.entries.filter(({ scenario }) => !renewed.has(scenario)), ...fresh.entries] };
}
