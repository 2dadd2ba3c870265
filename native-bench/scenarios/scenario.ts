/** What a scenario is, and what it is handed to run with. */
import type { MockOptions } from '../load/mock-options.ts';
import type { Contender, StartOptions } from '../peers/contender.ts';
import type { Curve, Measurement, Verdict } from '../report/results.ts';
import type { ScenarioName } from './windows.ts';

export interface Scenario {
  /** As `--scenario` takes it. */
  readonly name: ScenarioName;
  readonly title: string;
  /** One or two sentences for `--help` and the report: what is loaded and how it is measured. */
  readonly about: string;
  run(rig: Rig): Promise<void>;
}

/** Names of contenders, as figures carry them. */
export type ContenderName =
  | 'Penstock'
  | 'before'
  | 'nginx'
  | 'HAProxy'
  | 'uWS forwarder'
  | 'http forwarder'
  | 'Portkey';

export interface Rig {
  readonly quick: boolean;
  /** Alternated rounds: within one, every contender is measured once, each time in another order. */
  readonly rounds: number;
  /** Contenders that take part; a scenario takes those of them that it has a use for. `before` only with `--against`. */
  readonly contenders: readonly ContenderName[];
  /** What was measured so far. */
  readonly measurements: readonly Measurement[];
  /** A progress line on standard error. */
  say(text: string): void;
  /** A mock upstream of its own process, on the core that is not the contenders'. Ended with the scenario. */
  mock(options?: Partial<MockOptions>): Promise<Mock>;
  /** Starts a contender before `upstream`, ended with the scenario. Null: it cannot run here, which is in the results by then. */
  start(name: ContenderName, upstream: string, options?: StartOptions): Promise<Contender | null>;
  /** Something of the scenario's own that must end with it, also when the run is broken off; the last named ends first. */
  ends(stop: () => Promise<void> | void): void;
  /** One figure of the round that runs. Rounds count from 0. */
  measured(figure: Figure): void;
  curve(curve: Curve): void;
  verdict(verdict: Verdict): void;
  skipped(what: string, why: string): void;
  note(text: string): void;
}

export interface Figure {
  case: string;
  /** `direct`: the mock itself, with nothing between. `tap alone`: Penstock's metering, fed from memory. */
  contender: ContenderName | 'direct' | 'tap alone';
  metric: string;
  unit: string;
  round: number;
  value: number;
}

export interface Mock {
  readonly url: string;
  readonly pid: number;
}
