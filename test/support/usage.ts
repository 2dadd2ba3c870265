/** The gateway's books as the admin API (and `penstock usage --json`) tells them, after everything has reached PostgreSQL. */
import assert from 'node:assert/strict';
import type { TestGateway } from './gateway.ts';
import type { LoadResult } from './load.ts';
import type { Upstream, UpstreamTotals } from './upstream.ts';

export interface UsageRow {
  requestId: string;
  upstreamRequestId: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  chargedNanoUsd: string;
  status: string;
  usageSource: string;
  createdAt: string;
}

export interface UsageReport {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  chargedNanoUsd: string;
  rows: UsageRow[];
}

export async function usageOf(gateway: TestGateway, limit = 1000): Promise<UsageReport> {
  await gateway.flush();
  return gateway.admin<UsageReport>('GET', `/usage?limit=${limit}`);
}

/** The only row of the answer that the upstream named so. */
export function findRow(usage: UsageReport, upstreamRequestId: string): UsageRow {
  const rows = usage.rows.filter((row) => row.upstreamRequestId === upstreamRequestId);
  assert.equal(rows.length, 1, `${rows.length} rows for the upstream's ${upstreamRequestId}`);
  return rows[0]!;
}

export function totalsOf(usage: UsageReport): UpstreamTotals {
  const { requests, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = usage;
  return { requests, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens };
}

/** Sums of the books equal what the upstream's ledger says it served, to the token; `before` is the books at ledger entry `since`. */
export function assertBooksEqualLedger(usage: UsageReport, upstream: Upstream, before?: UsageReport, since = 0): void {
  const grown = totalsOf(usage);
  if (before !== undefined) {
    const start = totalsOf(before);
    for (const name of Object.keys(grown) as (keyof UpstreamTotals)[]) grown[name] -= start[name];
  }
  assert.deepEqual(grown, upstream.totals(since));
  const ids = usage.rows.map((row) => row.upstreamRequestId);
  assert.equal(new Set(ids).size, ids.length, 'a request is billed twice');
}

/** Nano-USD a token of the tests' model, as its vendor publishes it: 1, 5, 0.1, 1.25 and 2 USD per million tokens. */
const PRICE = { input: 1000, output: 5000, cacheRead: 100, cacheWrite5m: 1250, cacheWrite1h: 2000 } as const;

/** What the upstream's whole answers of status 200 must cost a user of a group with multiplier 1. */
export function ledgerNanoUsd(upstream: Upstream, since = 0): bigint {
  let sum = 0;
  for (const { status, usage, ending } of upstream.ledger.slice(since)) {
    if (status !== 200 || ending !== 'whole') continue;
    sum +=
      usage.inputTokens * PRICE.input + usage.outputTokens * PRICE.output + usage.cacheReadTokens * PRICE.cacheRead;
    sum += usage.cacheWrite5mTokens * PRICE.cacheWrite5m + usage.cacheWrite1hTokens * PRICE.cacheWrite1h;
  }
  return BigInt(sum);
}

/** One line of the table that the load, drain and database tests print. */
export function resultLine(name: string, load: LoadResult, usage: UsageReport, upstream: Upstream): string {
  const served = upstream.totals();
  const refused = [...load.refused].map(([status, count]) => `${count}×${status}`).join(' ') || '0';
  return [
    name,
    `sent ${load.sent}`,
    `completed ${load.completed}`,
    `refused ${refused}`,
    `unanswered ${load.unanswered}`,
    `broken ${load.broken}`,
    `rows ${usage.requests}`,
    `tokens served/billed ${served.inputTokens + served.outputTokens}/${usage.inputTokens + usage.outputTokens}`,
    `nano-USD served/billed ${ledgerNanoUsd(upstream)}/${usage.chargedNanoUsd}`,
  ].join(' | ');
}
