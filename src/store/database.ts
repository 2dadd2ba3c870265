/**
 * The pool of PostgreSQL connections that primary's statements go through. Only this folder knows postgres.js.
 * Every statement has a time limit on the server; money and other 64-bit numbers come back as text and are made bigint by the statement's file.
 */
import postgres from 'postgres';

export type Database = postgres.Sql;

export interface DatabaseOptions {
  /** Connections at most. */
  connections: number;
  statementTimeoutMs: number;
  connectTimeoutMs: number;
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
}

/** Connects when it is first used. Close it with `end`. */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  return postgres(url, {
    max: options.connections,
    connect_timeout: Math.max(1, Math.ceil(options.connectTimeoutMs / 1000)),
    connection: { application_name: options.applicationName, statement_timeout: options.statementTimeoutMs },
    onnotice: () => {},
  });
}
