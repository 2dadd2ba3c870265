/**
 * What the control server asks of the process that runs it. Primary joins it; tests hand in their own.
 */
import type { Logger } from '#base/logger.ts';
import type { CounterTable } from '#meter/counters.ts';
import type { JobFigures } from '#meter/job-figures.ts';
import type { OpenJobState } from '#store/job-row.ts';
import type { OperatorStore } from './operator-store.ts';

export interface Readiness {
  ready: boolean;
  /** Why not; empty when ready. */
  reasons: string[];
}

/** An alarm by its name; an alarm that was never raised need not be listed. */
export interface Alarm {
  alarm: string;
  on: boolean;
  text: string;
}

/** Figures of the moment that are not counters. */
/** Media jobs under way, by how far they are, and what is counted of all of them. */
export interface ControlJobs {
  open: Readonly<Record<OpenJobState, number>>;
  figures: JobFigures;
}

export interface ControlGauges {
  frontsAlive: number;
  frontsWanted: number;
  /** Fronts that listen and take no turns, by index. */
  frontsStalled: readonly number[];
  snapshotVersion: number;
  /** Places held and exchanges waiting in the shared tables. */
  slotsHeld: { users: number; accounts: number };
  queueWaiting: { users: number; accounts: number };
  /** Rows of the shared tables that belong to somebody. */
  rowsUsed: { users: number; accounts: number };
  bodyBytesHeld: number;
  streamBytesHeld: number;
  /** Size of the journal on disk. */
  journalBytes: number;
}

/** One finding of `doctor`. */
export interface Check {
  name: string;
  status: 'ok' | 'warn' | 'fail';
  text: string;
}

export interface ControlContext {
  log: Logger;
  store: OperatorStore;
  counters: CounterTable;
  /** Resolves once every usage record made before is in PostgreSQL; rejects with the reason when that cannot be. */
  flush(): Promise<void>;
  /**
   * Something in the catalog was written: resolves once every front knows, within a bound of its own. `keyHashes` are the keys
   * concerned; empty when the change is to accounts, groups or users.
   */
  publish(keyHashes: string[]): Promise<void>;
  readiness(): Readiness;
  gauges(): ControlGauges;
  jobs(): ControlJobs;
  alarms(): Alarm[];
  /** What only the running process can say about itself, for `doctor`. */
  checks(): Promise<Check[]>;
}
