/** What the batch pump works on and whom it tells; joined in `threads/usage-writer.ts`. */
import type { UsageAlarm } from './alarms.ts';
import type { SetAside } from './batch-content.ts';
import type { JournalReader } from './journal-reader.ts';
import type { CommittedBalance } from './owed-balances.ts';
import type { UsageStore } from './usage-store.ts';

export interface BatchPumpOptions {
  reader: JournalReader;
  store: UsageStore;
  batchRows: number;
  batchBytes: number;
  batchMs: number;
  setAside: SetAside;
  /** Looks for journals whose process has ended and puts them at the head of the queue; true when there were any. */
  adopt(): boolean;
  events: PumpEvents;
}

export interface PumpEvents {
  onAlarm(alarm: UsageAlarm, on: boolean, text: string): void;
  /** A batch is in PostgreSQL. `own`: its records were made in this process. */
  onCommitted(batch: { rows: number; inserted: number; duplicates: number; own: boolean }): void;
  /** A batch failed and is tried again. */
  onFailed(): void;
  /** Balances after a commit, with what this process's own records took from them (whether inserted or set aside). */
  onBalances(entries: CommittedBalance[]): void;
  /** No record of an earlier process is left, or the database is away: called once. */
  onReplayed(rows: number): void;
  /** Segments were deleted. */
  onDropped(): void;
}
