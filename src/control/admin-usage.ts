/**
 * The books and the health of the running gateway: usage, flush, doctor. Primary only.
 */

import type { UsageListing } from '#store/usage-rows.ts';
import type { UsageTotals } from '#store/usage-totals.ts';
import type { Check, ControlContext } from './context.ts';
import { isoTime, json, problem, type Reply } from './reply.ts';

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100_000;
/** Year 9999, the last that ISO 8601 writes with four digits. */
const DATE_MS_MAX = Date.UTC(9999, 0);

/** UUIDv7, of which a row's place in time is read. */
const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * `{requests, inputTokens, …, chargedNanoUsd, rows}`: totals of everything, the newest rows up to `limit`, or those older than the
 * request `before`: the last row of a page leads to the next one.
 */
export async function readUsage({ store }: ControlContext, query: URLSearchParams): Promise<Reply> {
  const limit = Number(query.get('limit') ?? LIMIT_DEFAULT);
  if (!Number.isInteger(limit) || limit < 0 || limit > LIMIT_MAX) {
    return problem(400, `limit: expected a whole number from 0 to ${LIMIT_MAX}`);
  }
  const before = query.get('before');
  if (before !== null && !isRequestId(before)) return problem(400, 'before: expected the request id of a row');
  const [totals, rows] = await Promise.all([store.usageTotals(), store.usageRows(limit, before)]);
  return json(200, usageReport(totals, rows));
}

/** With a time that a date can hold. */
function isRequestId(text: string): boolean {
  return REQUEST_ID.test(text) && Number.parseInt(text.slice(0, 8) + text.slice(9, 13), 16) <= DATE_MS_MAX;
}

export async function flushUsage({ flush }: ControlContext): Promise<Reply> {
  try {
    await flush();
    return json(200, { flushed: true });
  } catch (error) {
    return problem(503, `the records could not be written: ${(error as Error).message}`);
  }
}

export async function runChecks(context: ControlContext): Promise<Reply> {
  const checks = [await checkDatabase(context), checkReadiness(context), ...checkAlarms(context)];
  return json(200, { checks: [...checks, ...(await context.checks())] });
}

function usageReport(totals: UsageTotals, rows: readonly UsageListing[]) {
  return {
    ...totals,
    rows: rows.map(({ createdAtMs, ...row }) => ({
      ...row,
      cacheWriteTokens: row.cacheWrite5mTokens + row.cacheWrite1hTokens,
      createdAt: isoTime(createdAtMs),
    })),
  };
}

async function checkDatabase({ store }: ControlContext): Promise<Check> {
  try {
    const { version, latencyMs } = await store.ping();
    return { name: 'database', status: 'ok', text: `PostgreSQL ${version} answers in ${latencyMs.toFixed(1)} ms` };
  } catch (error) {
    return { name: 'database', status: 'fail', text: `PostgreSQL does not answer: ${(error as Error).message}` };
  }
}

function checkReadiness({ readiness, gauges }: ControlContext): Check {
  const { ready, reasons } = readiness();
  const { frontsAlive, frontsWanted, snapshotVersion } = gauges();
  const threads = `${frontsAlive} of ${frontsWanted} fronts run, catalog version ${snapshotVersion}`;
  return {
    name: 'gateway',
    status: ready ? 'ok' : 'fail',
    text: ready ? threads : `${reasons.join('; ')}; ${threads}`,
  };
}

function checkAlarms({ alarms }: ControlContext): Check[] {
  const ringing = alarms().filter(({ on }) => on);
  if (ringing.length === 0) {
    return [{ name: 'alarms', status: 'ok', text: 'none' }];
  }
  return ringing.map(({ alarm, text }) => ({ name: `alarm ${alarm}`, status: 'warn', text }));
}
