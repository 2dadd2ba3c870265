/** What the jobs of a gateway process work with, joined by `threads/media-jobs.ts`. Shapes only; primary. */
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import type { AccountHealth } from '#coordinate/local/account-health.ts';
import type { Ledger } from '#coordinate/local/ledger.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { JobFigures } from '#meter/job-figures.ts';
import type { JobRow } from '#store/job-row.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import type { UsageRecord } from '#usage/record.ts';
import type { JobNews } from '#wire/media-job.ts';
import type { AccountRules } from './media-account.ts';

/** Rejects while PostgreSQL does not answer. */
export interface JobStore {
  insert(job: JobRow): Promise<void>;
  change(job: JobRow, error?: string): Promise<void>;
  open(): Promise<JobRow[]>;
  /** Whether its record is in the usage log. */
  isCharged(job: JobRow): Promise<boolean>;
  /** Other jobs that are being made at the same account, and would look the same there. */
  twins(job: JobRow): Promise<number>;
  /** Which of these jobs of an account are in the books. */
  known(accountId: number, upstreamIds: string[]): Promise<Set<string>>;
}

/** The shared tables in the name of the jobs; row of a user or account, which stays its own while a job holds something of it. */
export interface JobTables {
  readonly userSlots: SlotTable;
  readonly accountSlots: SlotTable;
  readonly ledger: Ledger;
  readonly health: AccountHealth;
  /** Undefined: the table of users is full. */
  userRow(userId: number): number | undefined;
  accountRow(accountId: number): number | undefined;
  /** Users that a process before knew get their rows. */
  seatUsers(userIds: number[]): Promise<void>;
  /** A charge is in PostgreSQL that no front had booked; its reservation is freed next. */
  committed(userRow: number, nanoUsd: bigint): void;
}

export interface JobTools {
  readonly config: Config;
  readonly log: Logger;
  readonly figures: JobFigures;
  readonly store: JobStore;
  readonly tables: JobTables;
  readonly rules: AccountRules;
  account(accountId: number): SnapshotAccount | undefined;
  /** Resolves once the record is in the journal, on disk; false when the disk does not take it. */
  append(record: UsageRecord): Promise<boolean>;
  /** Resolves once everything appended before is in PostgreSQL; rejects while that cannot be. */
  flush(): Promise<void>;
  tell(front: number, news: JobNews): void;
  /** Somebody must look: whether a job was made, and will be paid for upstream, cannot be found out. */
  alarm(text: string): void;
  /** The process ends: whatever waits does so no more. Requests that make a job get more time (`cut`). */
  readonly halt: AbortSignal;
  readonly cut: AbortSignal;
}
