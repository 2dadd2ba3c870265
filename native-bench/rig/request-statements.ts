/**
 * Which statements requests cause, by PostgreSQL's own counters of statements: those of the usage-writer's batches and of primary's
 * heartbeat run by time and are told apart by their text.
 */
import type { Sql } from '../../test/support/test-postgres.ts';

/** Calls by text of the statement. */
export type StatementCalls = ReadonlyMap<string, number>;

/** The writer's batches, primary's heartbeat, and whoever asks for the counters. */
const IN_BACKGROUND =
  /^notify penstock_pulse|pg_stat_statements|usage_|journal|staging|begin|commit|listen|^set |balance_|set_config/i;

export interface Statements {
  /** Text and calls of each that was caused by requests. */
  ofRequests: [string, number][];
  requestCalls: number;
  backgroundCalls: number;
}

/** Needs `pg_stat_statements` preloaded, as the embedded server has it. */
export async function watchStatements(sql: Sql): Promise<void> {
  await sql`create extension if not exists pg_stat_statements`;
}

/** Calls of each statement so far. */
export async function statementCalls(sql: Sql): Promise<StatementCalls> {
  const rows = await sql<{ query: string; calls: string }[]>`
    select query, sum(calls)::text as calls from pg_stat_statements group by query`;
  return new Map(rows.map(({ query, calls }) => [query, Number(calls)]));
}

/** What ran between two looks. */
export function statementsBetween(before: StatementCalls, after: StatementCalls): Statements {
  const ran = [...after]
    .map(([query, calls]): [string, number] => [query, calls - (before.get(query) ?? 0)])
    .filter(([, calls]) => calls > 0);
  const ofRequests = ran.filter(([query]) => !IN_BACKGROUND.test(query));
  const requestCalls = sum(ofRequests);
  return { ofRequests, requestCalls, backgroundCalls: sum(ran) - requestCalls };
}

function sum(calls: readonly [string, number][]): number {
  return calls.reduce((total, [, count]) => total + count, 0);
}
