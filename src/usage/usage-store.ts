/**
 * What the usage pipeline asks of the database, as an interface: `store/batch-store.ts` is the real one, joined in
 * `threads/usage-writer.ts`.
 */
/** How far a journal is in PostgreSQL: everything before `offset` of segment `segment`. */
export interface Fence {
  segment: number;
  offset: number;
}

export interface BatchToCommit {
  journalId: string;
  /** Where the fence must stand; null: this journal has none yet. */
  expected: Fence | null;
  next: Fence;
  /** Encoded, in the one form of `encodeRecord`. */
  records: readonly Uint8Array[];
}

export interface UserBalance {
  userId: number;
  balanceNanoUsd: bigint;
}

/**
 * - `committed`: rows, debits and fence are in. `duplicates` were in before, `strays` landed in the default partition.
 * - `moved`: the fence is not where it was expected; nothing was done.
 * - `refused`: PostgreSQL does not take these records, and never will; `index` when it is known which one.
 * - `away`: no answer, or none in time. Whether it was committed is not known: read the fence.
 */
export type CommitResult =
  | { kind: 'committed'; inserted: number; duplicates: number; strays: number; balances: UserBalance[] }
  | { kind: 'moved' }
  | { kind: 'refused'; index: number | null; reason: string }
  | { kind: 'away'; reason: string };

export interface UsageStore {
  /** Throws when the database does not answer. */
  readFence(journalId: string): Promise<Fence | null>;
  /** Never throws for what PostgreSQL says or does not say. */
  commit(batch: BatchToCommit): Promise<CommitResult>;
  /** Throws when the database does not answer. */
  readBalances(userIds: number[]): Promise<UserBalance[]>;
  /** The journal's files are gone. Throws when the database does not answer. */
  forgetFence(journalId: string): Promise<void>;
  close(): Promise<void>;
}
