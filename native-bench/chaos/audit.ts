/**
 * Compares, request by request, what clients saw, what the upstream says it served (its ledger), and what the gateway billed (its
 * rows). Pure.
 *
 * A completed answer is held to the exact numbers. Of an answer that broke off, a row may or may not exist; if it does, it may
 * bill at most what the whole answer would have cost. (The scripted upstream reports numbers above every estimate that the gateway
 * makes from the bytes of a part, so this bound is a real one.)
 */
import type { Served } from '../../test/support/upstream.ts';
import { type Asked, HUNG } from './traffic.ts';

export interface Row {
  requestId: string;
  label: string;
  upstreamRequestId: string;
  status: string;
  usageSource: string;
  inputTokens: number;
  outputTokens: number;
  chargedNanoUsd: bigint;
}

/** Nano-USD a token of the model that all scenarios ask for. */
const INPUT_NANO = 1000n;
const OUTPUT_NANO = 5000n;

export interface Sum {
  tokens: number;
  nanoUsd: bigint;
}

export interface Span {
  startMs: number;
  endMs: number;
}

export interface Audit {
  sent: number;
  completed: number;
  broken: number;
  refused: Record<string, number>;
  unanswered: Record<string, number>;
  /** Unanswered requests that had reached the upstream all the same. */
  readAndLost: number;
  rows: number;
  /** Completed for the client, yet no row at all. */
  unbilled: number;
  /** Completed for the client, with a row that says something else than the upstream's ledger. */
  different: number;
  /** Rows beyond the first of a request id, of a client's request, or of an upstream's answer. */
  twice: number;
  /** Rows of requests that the upstream never answered. */
  invented: number;
  served: Sum;
  billed: Sum;
  /** Answers that did not complete for the client: rows, what they bill, what the whole answers would cost, rows above that. */
  interrupted: { rows: number; billed: Sum; whole: Sum; above: number };
  /** Everything the user paid, and by how much the balances fell. */
  chargedNanoUsd: bigint;
  debitedNanoUsd: bigint;
  /** One line a difference. */
  differences: string[];
  /** When the completed answers that are unbilled or different began and ended for their clients. */
  faulty: Span[];
}

export interface Evidence {
  asked: Asked[];
  ledger: Served[];
  rows: Row[];
  debitedNanoUsd: bigint;
}

export function audit({ asked, ledger, rows, debitedNanoUsd }: Evidence): Audit {
  const result = emptyAudit(asked, rows, debitedNanoUsd);
  const served = new Map(ledger.map((entry) => [entry.requestId, entry]));
  const lastServed = new Map(ledger.map((entry) => [entry.label, entry]));
  const rowOf = new Map(rows.map((row) => [row.label, row]));
  for (const request of asked) {
    const row = rowOf.get(request.label);
    const entry = row === undefined ? lastServed.get(request.label) : served.get(row.upstreamRequestId);
    if (request.ending === 'unanswered' && lastServed.has(request.label)) result.readAndLost++;
    if (request.cause === HUNG) {
      const served = lastServed.get(request.label)?.requestId ?? 'nothing by the upstream';
      result.differences.push(`${request.label}: hung, served ${served}`);
    }
    if (request.ending === 'completed') {
      if (!auditCompleted(result, row, entry, request.label)) result.faulty.push(request);
    } else if (row !== undefined && entry !== undefined) auditInterrupted(result, row, entry);
  }
  for (const row of rows) {
    if (served.get(row.upstreamRequestId)?.label === row.label) continue;
    result.invented++;
    result.differences.push(`${row.label}: a row for ${row.upstreamRequestId}, which the upstream did not answer`);
  }
  return result;
}

function emptyAudit(asked: Asked[], rows: Row[], debitedNanoUsd: bigint): Audit {
  const count = (ending: Asked['ending']): number => asked.filter((request) => request.ending === ending).length;
  const beyondFirst = (pick: (row: Row) => string): number => rows.length - new Set(rows.map(pick)).size;
  return {
    sent: asked.length,
    completed: count('completed'),
    broken: count('broken'),
    refused: countBy(asked, 'refused', ({ status }) => String(status)),
    unanswered: countBy(asked, 'unanswered', ({ cause }) => cause),
    readAndLost: 0,
    rows: rows.length,
    unbilled: 0,
    different: 0,
    twice: Math.max(
      beyondFirst((row) => row.requestId),
      beyondFirst((row) => row.label),
      beyondFirst((row) => row.upstreamRequestId),
    ),
    invented: 0,
    served: { tokens: 0, nanoUsd: 0n },
    billed: { tokens: 0, nanoUsd: 0n },
    interrupted: { rows: 0, billed: { tokens: 0, nanoUsd: 0n }, whole: { tokens: 0, nanoUsd: 0n }, above: 0 },
    chargedNanoUsd: rows.reduce((sum, row) => sum + row.chargedNanoUsd, 0n),
    debitedNanoUsd,
    differences: [],
    faulty: [],
  };
}

/**
 * Async mode: how long before a kill an answer may have completed and yet be lost. The quick form runs beside other work, where the
 * writer's thread may wait for a core for longer than its batch takes.
 */
export function asyncWindowMs(quick: boolean): number {
  return quick ? 1_000 : 100;
}

/**
 * How long before the next kill each of these answers had ended. 0 for one that a kill fell into: its last bytes outlived the kill in
 * a socket, however late its client read them.
 */
export function lateness(answers: readonly Span[], killedAtMs: number[]): number[] {
  return answers.map(({ startMs, endMs }) => {
    if (killedAtMs.some((killedMs) => killedMs >= startMs && killedMs < endMs)) return 0;
    const before = killedAtMs.filter((killedMs) => killedMs >= endMs).map((killedMs) => killedMs - endMs);
    return Math.min(...before, Number.POSITIVE_INFINITY);
  });
}

function countBy(asked: Asked[], ending: Asked['ending'], key: (request: Asked) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const request of asked) {
    if (request.ending === ending) counts[key(request)] = (counts[key(request)] ?? 0) + 1;
  }
  return counts;
}

/** False: unbilled or billed differently. */
function auditCompleted(result: Audit, row: Row | undefined, entry: Served | undefined, label: string): boolean {
  if (entry === undefined) {
    result.differences.push(`${label}: completed, but the upstream's ledger does not know it`);
    result.different++;
    return false;
  }
  addServed(result.served, entry);
  if (row === undefined) {
    result.unbilled++;
    result.differences.push(`${label}: ${entry.requestId} served ${numbers(entry)}, billed nothing`);
    return false;
  }
  addRow(result.billed, row);
  if (row.status === 'completed' && isSame(row, entry)) return true;
  result.different++;
  result.differences.push(`${label}: ${entry.requestId} served ${numbers(entry)}, billed ${rowNumbers(row)}`);
  return false;
}

function auditInterrupted(result: Audit, row: Row, entry: Served): void {
  const { interrupted } = result;
  interrupted.rows++;
  addRow(interrupted.billed, row);
  addServed(interrupted.whole, entry);
  const { usage } = entry;
  if (row.inputTokens <= usage.inputTokens && row.outputTokens <= usage.outputTokens) return;
  interrupted.above++;
  result.differences.push(`${row.label}: broke off at most at ${numbers(entry)}, billed ${rowNumbers(row)}`);
}

function isSame(row: Row, { usage }: Served): boolean {
  return (
    row.inputTokens === usage.inputTokens &&
    row.outputTokens === usage.outputTokens &&
    row.chargedNanoUsd === priceOf(usage.inputTokens, usage.outputTokens)
  );
}

function priceOf(inputTokens: number, outputTokens: number): bigint {
  return BigInt(inputTokens) * INPUT_NANO + BigInt(outputTokens) * OUTPUT_NANO;
}

function addServed(sum: Sum, { usage: { inputTokens, outputTokens } }: Served): void {
  sum.tokens += inputTokens + outputTokens;
  sum.nanoUsd += priceOf(inputTokens, outputTokens);
}

function addRow(sum: Sum, row: Row): void {
  sum.tokens += row.inputTokens + row.outputTokens;
  sum.nanoUsd += row.chargedNanoUsd;
}

function numbers({ usage, ending }: Served): string {
  return `${usage.inputTokens}+${usage.outputTokens} tokens (${ending})`;
}

function rowNumbers(row: Row): string {
  return `${row.inputTokens}+${row.outputTokens} tokens, ${row.chargedNanoUsd} nano-USD (${row.status}, ${row.usageSource})`;
}
