/**
 * The shape of a bench run's results, as they lie in JSON. Everything that the report shows, the plots draw and the baselines keep is
 * computed from this and from nothing else.
 */

export const RESULTS_VERSION = 1;

export interface Results {
  version: typeof RESULTS_VERSION;
  /** The command that repeats the run. */
  command: string;
  startedAt: string;
  quick: boolean;
  rounds: number;
  machine: Machine;
  /** Program → version, of everything that took part. */
  versions: Record<string, string>;
  scenarios: ScenarioResult[];
}

export interface Machine {
  cores: number;
  cpu: string;
  memoryBytes: number;
  kernel: string;
  openFilesMax: number;
  /** How threads and processes were bound to cores, in words; "not pinned" with the reason otherwise. */
  pinning: string;
}

export interface ScenarioResult {
  /** As `--scenario` takes it. */
  name: string;
  title: string;
  seconds: number;
  measurements: Measurement[];
  curves: Curve[];
  verdicts: Verdict[];
  /** What was not measured, each with its reason: a peer that cannot run, a core count that the machine does not have. */
  skipped: { what: string; why: string }[];
  notes: string[];
}

/** One figure of one contender, once a round. Figures of one case and metric are compared round by round, as pairs. */
export interface Measurement {
  /** `JSON 1 KB, 64 connections` */
  case: string;
  /** `Penstock`, `nginx`, … */
  contender: string;
  /** `CPU per request`, `p50 added`, `memory per stream`, … */
  metric: string;
  /** `µs`, `KiB`, `count`, … */
  unit: string;
  /** In order of the rounds; null where this contender's round failed. */
  values: (number | null)[];
}

/** A line of a plot. */
export interface Curve {
  /** Curves of one plot share it. */
  plot: string;
  contender: string;
  x: number[];
  y: number[];
  xLabel: string;
  yLabel: string;
  /** `log` for latencies over orders of magnitude. */
  xScale: 'linear' | 'log';
}

/** A goal in numbers beside what was measured. */
export interface Verdict {
  /** The row of the table of goals. */
  goal: string;
  /** `≤ 1.25 × the bare forwarder` */
  bound: string;
  /** Median, with its range where there is one: `1.13 (1.09 … 1.20)`. */
  measured: string;
  held: boolean | null;
  /** Why it is not held, or not measured; empty when held. */
  why: string;
}
