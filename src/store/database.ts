/**
 * The statements of primary, on a pool of connections or inside of one transaction. Only this folder knows postgres.js. Every statement
 * has a time limit on the server and a later one here; money and other 64-bit numbers come back as text and are made bigint by the
 * statement's file.
 */
import type postgres from 'postgres';
import { ConnectionPool } from './connection-pool.ts';
import type { SingleConnection } from './single-connection.ts';

/** What a statement's parameters may be; an object goes to a `jsonb`. */
export type Value = string | number | bigint | boolean | Date | null | readonly string[] | object;

export interface Database {
  /** One statement, with parameters where the template has values. */
  <Rows extends readonly object[] = postgres.Row[]>(
    strings: TemplateStringsArray,
    ...values: Value[]
  ): Promise<postgres.RowList<[...Rows]>>;
  /** Text as it is; may be several statements. */
  unsafe(text: string): Promise<unknown>;
}

export interface DatabasePool extends Database {
  /**
   * All that `work` does is there in the end, or none of it. It fails with the first statement that does, also when `work` goes on.
   * `silenceMs`: longest time between two answers; the limit of a statement if nothing is said.
   */
  transaction<T>(work: (tx: Database) => Promise<T>, silenceMs?: number): Promise<T>;
  /** Waits a second for what is under way. */
  end(): Promise<void>;
}

export interface DatabaseOptions {
  /** Connections at most. */
  connections: number;
  statementTimeoutMs: number;
  connectTimeoutMs: number;
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
}

const END_GRACE_MS = 1000;

/** Connects when it is first used. Close it with `end`. */
export function openDatabase(url: string, options: DatabaseOptions): DatabasePool {
  const pool = new ConnectionPool(url, options);
  const statements = databaseOf((send) => pool.lend((connection) => send(connection.sql)));
  return Object.assign(statements, {
    transaction: <T>(work: (tx: Database) => Promise<T>, silenceMs?: number) =>
      pool.lend((connection, heard) => runTransaction(connection, heard, work), silenceMs),
    end: () => pool.end(END_GRACE_MS),
  });
}

type Send<T> = (sql: postgres.Sql) => Promise<T>;

function databaseOf(run: <T>(send: Send<T>) => Promise<T>): Database {
  const statement = (strings: TemplateStringsArray, ...values: Value[]) =>
    run(async (sql) => await sql(strings, ...(values as string[])));
  return Object.assign(statement, {
    unsafe: (text: string) => run(async (sql) => await sql.unsafe(text)),
  }) as Database;
}

/** After an error the connection is destroyed, which undoes all: a `rollback` would let what is still on its way commit by itself. */
async function runTransaction<T>(
  { sql }: SingleConnection,
  heard: () => void,
  work: (tx: Database) => Promise<T>,
): Promise<T> {
  let failed: { error: unknown } | null = null;
  const tx = databaseOf(async (send) => {
    try {
      return await send(sql);
    } catch (error) {
      failed ??= { error };
      throw error;
    } finally {
      heard();
    }
  });
  await sql.unsafe('begin');
  const value = await work(tx);
  if (failed !== null) throw (failed as { error: unknown }).error;
  const end = await sql.unsafe('commit');
  if (end.command !== 'COMMIT') throw new Error(`commit was answered with ${end.command}`);
  return value;
}
