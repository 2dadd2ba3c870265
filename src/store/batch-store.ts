/**
 * The usage-writer's side of PostgreSQL: one connection of its own, one transaction a batch, a deadline on everything, and an
 * answer of `CommitResult` for whatever happens. A connection that showed any fault is destroyed; the next call makes a new one.
 *
 *   begin ─ move fence ─► rows? COPY into the staging table ─► insert, debit ─ commit
 *              └ not where expected: rollback, `moved`               └ one round trip
 */
import postgres from 'postgres';
import type { BatchToCommit, CommitResult, Fence, UsageStore, UserBalance } from '#usage/usage-store.ts';
import { copyIn } from './copy-in.ts';
import { CopyRows } from './copy-rows.ts';
import { forgetFence, moveFence, readFence } from './fence.ts';
import { COPY_STAGING, CREATE_STAGING, INSERT_BATCH, type InsertedUser } from './insert-batch.ts';
import { readBalances } from './read-balances.ts';
import { SingleConnection } from './single-connection.ts';

export interface BatchStoreOptions {
  connectTimeoutMs: number;
  /** A whole batch, and each other question. */
  timeoutMs: number;
}

export class BatchStore implements UsageStore {
  readonly #url: string;
  readonly #options: BatchStoreOptions;
  /** Of the batch at hand; used again by the next, when nothing of this one is on its way any more. */
  readonly #rows = new CopyRows();
  #connection: SingleConnection | null = null;
  /** Gives up the connecting that is under way: it may take seconds, which the end of the process does not have. */
  #breakOff: () => void = () => {};
  #closed = false;

  constructor(url: string, options: BatchStoreOptions) {
    this.#url = url;
    this.#options = options;
  }

  readFence(journalId: string): Promise<Fence | null> {
    return this.#ask((connection) => readFence(connection.sql, journalId));
  }

  readBalances(userIds: number[]): Promise<UserBalance[]> {
    return this.#ask((connection) => readBalances(connection.sql, userIds));
  }

  forgetFence(journalId: string): Promise<void> {
    return this.#ask((connection) => forgetFence(connection.sql, journalId));
  }

  async commit(batch: BatchToCommit): Promise<CommitResult> {
    const refused = fillRows(this.#rows, batch.records);
    if (refused !== null) return { kind: 'refused', ...refused };
    try {
      return await this.#ask((connection) => commitBatch(connection, batch, this.#rows.written));
    } catch (error) {
      return failureOf(error);
    }
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#breakOff();
    this.#connection?.destroy();
    this.#connection = null;
  }

  async #ask<T>(work: (connection: SingleConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    try {
      return await connection.within(this.#options.timeoutMs, () => work(connection));
    } catch (error) {
      connection.destroy();
      this.#connection = null;
      throw error;
    }
  }

  async #connect(): Promise<SingleConnection> {
    if (this.#connection?.usable) return this.#connection;
    if (this.#closed) throw new Error('the connection to PostgreSQL is closed');
    const { connectTimeoutMs, timeoutMs } = this.#options;
    const opening = SingleConnection.open(this.#url, {
      connectTimeoutMs,
      statementTimeoutMs: timeoutMs,
      applicationName: 'penstock usage-writer',
    });
    const connection = await this.#unlessClosed(opening);
    this.#connection = connection;
    try {
      await connection.within(timeoutMs, () => connection.sql.unsafe(CREATE_STAGING));
    } catch (error) {
      connection.destroy();
      this.#connection = null;
      throw error;
    }
    return connection;
  }

  /** A connection that comes after `close` is destroyed. */
  #unlessClosed(opening: Promise<SingleConnection>): Promise<SingleConnection> {
    return new Promise((resolve, reject) => {
      this.#breakOff = () => reject(new Error('the connection to PostgreSQL is closed'));
      opening.then((connection) => (this.#closed ? connection.destroy() : resolve(connection)), reject);
    });
  }
}

/** Null when all records are rows, or which of them cannot be one. */
function fillRows(rows: CopyRows, records: readonly Uint8Array[]): { index: number; reason: string } | null {
  rows.clear();
  for (let index = 0; index < records.length; index++) {
    try {
      rows.add(records[index]!);
    } catch (error) {
      return { index, reason: (error as Error).message };
    }
  }
  return null;
}

async function commitBatch(connection: SingleConnection, batch: BatchToCommit, rows: Buffer): Promise<CommitResult> {
  const { sql } = connection;
  // Sent together: each step costs a round trip otherwise.
  const begun = sql.unsafe('begin').execute();
  const [, moved] = await Promise.all([begun, moveFence(sql, batch.journalId, batch.expected, batch.next)]);
  if (!moved) {
    await sql.unsafe('rollback');
    return { kind: 'moved' };
  }
  if (batch.records.length === 0) {
    await sql.unsafe('commit');
    return { kind: 'committed', inserted: 0, duplicates: 0, strays: 0, balances: [] };
  }
  const copied = await copyIn(connection, COPY_STAGING, rows);
  const inserting = sql.unsafe<InsertedUser[]>(INSERT_BATCH).execute();
  const committing = sql.unsafe('commit').execute();
  const [users, end] = await Promise.all([inserting, committing]).catch((error: unknown) => {
    throw copied.refusal ?? error;
  });
  if (end.command !== 'COMMIT') throw new Error(`commit was answered with ${end.command}`);
  return tally(users, batch.records.length);
}

function tally(users: InsertedUser[], records: number): CommitResult {
  let inserted = 0;
  let strays = 0;
  const balances: UserBalance[] = [];
  for (const user of users) {
    inserted += user.inserted;
    strays += user.strays;
    if (user.nano_usd !== null) balances.push({ userId: user.user_id, balanceNanoUsd: BigInt(user.nano_usd) });
  }
  return { kind: 'committed', inserted, duplicates: records - inserted, strays, balances };
}

/**
 * Whether the records are at fault: SQLSTATE classes 22 (data) and 23 (constraint). Everything else (connection, shutdown, no space,
 * locks, time limits, a table that is not there) is the server's and may pass: records are never set aside for it.
 */
function failureOf(error: unknown): CommitResult {
  const reason = error instanceof Error ? error.message : String(error);
  const atFault = error instanceof postgres.PostgresError && /^2[23]/.test(error.code);
  return atFault ? { kind: 'refused', index: null, reason } : { kind: 'away', reason };
}
