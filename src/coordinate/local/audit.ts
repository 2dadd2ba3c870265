/**
 * Compares what the shared tables say with what there really is, in the debug mode `PENSTOCK_ASSERT=1`. Pure reads, two sides:
 *
 *   a front   its own cells      =  what its live exchanges and attempts hold      (`compareOwner`)
 *   primary   each shared count  =  the sum of all owners' cells                   (`compareSums`)
 *
 * Other threads change the words between two reads, and a thread may be preempted between its two writes. So a single difference
 * says nothing; one that stays the same, to the number, over several reads apart is a bug (`findPersistent`).
 */
import type { OwnedTables } from './reclaim.ts';
import type { SlotTable } from './slot-table.ts';

const READS = 8;
const READS_APART_MS = 200;

export type AuditedTables = Omit<OwnedTables, 'board'>;

/** What one owner ought to have, by row; a row that is missing holds nothing. */
export interface Holdings {
  userPlaces: Map<number, number>;
  accountPlaces: Map<number, number>;
  nanoUsd: Map<number, bigint>;
  bodyBytes: number;
  streamBytes: number;
}

/** Lines that say where and by what numbers; none when all agree. */
export function compareOwner(tables: AuditedTables, owner: number, holdings: Holdings): string[] {
  const { userSlots, accountSlots, ledger, bodyBudget, streamBudget } = tables;
  const lines: string[] = [];
  for (let row = 0; row < userSlots.rows; row++) {
    differ(lines, `places of user row ${row}`, userSlots.held(owner, row), holdings.userPlaces.get(row) ?? 0);
    differ(lines, `nano-USD of user row ${row}`, ledger.held(owner, row), holdings.nanoUsd.get(row) ?? 0n);
  }
  for (let row = 0; row < accountSlots.rows; row++)
    differ(lines, `places of account row ${row}`, accountSlots.held(owner, row), holdings.accountPlaces.get(row) ?? 0);
  differ(lines, 'body bytes', bodyBudget.heldBytes(owner), holdings.bodyBytes);
  differ(lines, 'stream bytes', streamBudget.heldBytes(owner), holdings.streamBytes);
  return lines.map((line) => `owner ${owner}: ${line}`);
}

export function compareSums(tables: AuditedTables, owners: number): string[] {
  const { userSlots, accountSlots, ledger, bodyBudget, streamBudget } = tables;
  const lines: string[] = [];
  comparePlaces(lines, 'user', userSlots, owners);
  comparePlaces(lines, 'account', accountSlots, owners);
  for (let row = 0; row < userSlots.rows; row++) {
    let held = 0n;
    for (let owner = 0; owner < owners; owner++) held += ledger.held(owner, row);
    differ(lines, `nano-USD of user row ${row}`, ledger.reserved(row), held);
  }
  differ(
    lines,
    'body bytes',
    bodyBudget.usedBytes,
    sum(owners, (owner) => bodyBudget.heldBytes(owner)),
  );
  differ(
    lines,
    'stream bytes',
    streamBudget.usedBytes,
    sum(owners, (owner) => streamBudget.heldBytes(owner)),
  );
  return lines;
}

/** The differences that `read` finds in every one of several looks, unchanged. */
export async function findPersistent(
  read: () => string[],
  pause: (ms: number) => Promise<unknown>,
  reads = READS,
): Promise<string[]> {
  let lines = read();
  for (let i = 1; i < reads && lines.length > 0; i++) {
    await pause(READS_APART_MS);
    const again = new Set(read());
    lines = lines.filter((line) => again.has(line));
  }
  return lines;
}

function comparePlaces(lines: string[], of: string, slots: SlotTable, owners: number): void {
  for (let row = 0; row < slots.rows; row++) {
    const held = sum(owners, (owner) => slots.held(owner, row));
    differ(lines, `places of ${of} row ${row}`, slots.inUse(row), held);
  }
}

function sum(owners: number, of: (owner: number) => number): number {
  let total = 0;
  for (let owner = 0; owner < owners; owner++) total += of(owner);
  return total;
}

function differ(lines: string[], what: string, counted: number | bigint, expected: number | bigint): void {
  if (counted !== expected) lines.push(`${what}: the table has ${counted}, there are ${expected}`);
}
