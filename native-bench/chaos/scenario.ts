/** What a scenario is and what it reports. */
import type { Audit } from './audit.ts';

export interface RunOptions {
  quick: boolean;
  seed: number;
  /** One line of progress. */
  say(text: string): void;
}

export interface Service {
  medianS: number;
  maxS: number;
}

export interface Outcome {
  scenario: string;
  /** Events provoked: kills, reloads, pauses. */
  events: number;
  /** Why it was not run; everything below is empty then. */
  notRun: string | null;
  audit: Audit | null;
  /** From the event to the first answer on a new connection; null where service is not interrupted by design. */
  service: Service | null;
  connects: { refused: number; reset: number };
  /** Gauges that did not return to zero. */
  leftOver: string[];
  /** What the scenario is held to, in words. */
  promise: string;
  /** Promises that were broken. Empty: held. */
  failures: string[];
  /** Facts of this scenario alone. */
  notes: string[];
}

export interface Scenario {
  name: string;
  title: string;
  run(options: RunOptions): Promise<Outcome[]>;
}

export function notRun(scenario: string, promise: string, reason: string): Outcome {
  const nothing = {
    audit: null,
    service: null,
    connects: { refused: 0, reset: 0 },
    leftOver: [],
    failures: [],
    notes: [],
  };
  return { scenario, events: 0, notRun: reason, promise, ...nothing };
}

/** For scenarios that no completed answer may be missing from or be billed otherwise in. */
export function judgeExact({ audit, failures }: Outcome): void {
  const { unbilled, different } = audit!;
  if (unbilled > 0) failures.push(`${unbilled} completed answers unbilled`);
  if (different > 0) failures.push(`${different} completed answers billed differently`);
}

/** For scenarios in which no answer that began may break off. */
export function judgeWhole({ audit, failures }: Outcome): void {
  if (audit!.broken > 0) failures.push(`${audit!.broken} answers broke off`);
}

export function summarize(secondsOf: number[]): Service | null {
  if (secondsOf.length === 0) return null;
  const sorted = secondsOf.map((ms) => ms / 1000).toSorted((a, b) => a - b);
  return { medianS: sorted[sorted.length >> 1]!, maxS: sorted.at(-1)! };
}
