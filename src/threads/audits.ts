/**
 * Runs the audits of the shared tables once a second (`PENSTOCK_ASSERT=1`, on in tests): a front audits its own cells against what
 * its exchanges hold and tells primary of a difference, primary audits the sums; a real difference ends the process, because
 * nothing it says about places and money can be trusted. Fronts and primary.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditedTables, compareOwner, compareSums, findPersistent } from '#coordinate/local/audit.ts';
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { ownerCount } from '#coordinate/local/owners.ts';
import { GRANTED, type TicketBoard } from '#coordinate/local/ticket-board.ts';
import { liveHoldings } from '#edge/live-holdings.ts';
import type { Parts } from '#edge/parts.ts';
import type { PrimaryTables } from './primary-tables.ts';

const EVERY_MS = 1_000;

export const auditsWanted = process.env['PENSTOCK_ASSERT'] === '1';

/** `onDifference` gets lines to print; the audit ends with the first. */
export function auditFront(
  parts: Parts,
  front: { index: number; board: TicketBoard; bodyBudget: ByteBudget },
  onDifference: (lines: string[]) => void,
): { stop(): void } {
  const tables: AuditedTables = { ...parts, bodyBudget: front.bodyBudget, streamBudget: parts.replies.streamBudget };
  return audit(() => {
    const holdings = liveHoldings(parts, (seat) => front.board.state(seat.ticket) === GRANTED);
    const lines = compareOwner(tables, front.index, holdings);
    const booked = parts.open.snapshot().filter(({ booksOpen }) => booksOpen).length + parts.lateBooks.size;
    if (booked !== parts.usageRing.reserved)
      lines.push(`owner ${front.index}: room for ${parts.usageRing.reserved} records, there are ${booked} open books`);
    return lines;
  }, onDifference);
}

export function auditSums(
  tables: PrimaryTables,
  fronts: number,
  onDifference: (lines: string[]) => void,
): { stop(): void } {
  const { bodyBudget, streamBudget } = tables;
  const { slots: userSlots, ledger } = tables.users;
  const audited = { userSlots, accountSlots: tables.accounts.slots, ledger, bodyBudget, streamBudget };
  return audit(() => compareSums(audited, ownerCount(fronts)), onDifference);
}

function audit(read: () => string[], onDifference: (lines: string[]) => void): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const lines = await findPersistent(read, (ms) => sleep(ms, undefined, { ref: false }));
    if (stopped) return;
    if (lines.length > 0) return onDifference(lines);
    timer = setTimeout(look, EVERY_MS);
    timer.unref();
  };
  timer = setTimeout(look, EVERY_MS);
  timer.unref();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
