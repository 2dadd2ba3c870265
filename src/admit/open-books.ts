/**
 * Opens the books for one exchange: room for its usage record and money for its estimate, in this order, both or neither. A settle
 * must never meet a full ring, so the room is taken before any upstream work. Pure over the books it is handed; front thread only.
 */
import type { FailureCode } from '#failure/registry.ts';

/** What the stage needs of the usage pipeline and the ledger. */
export interface Books {
  readonly usagePressure: { readonly refuse: boolean };
  readonly usageRing: { reserve(): boolean; release(): void };
  readonly ledger: { reserve(row: number, amount: bigint): boolean };
}

/** Null: opened, and `settle` closes them. Otherwise nothing is held. */
export function openBooks(books: Books, userRow: number, reserveNanoUsd: bigint): FailureCode | null {
  if (books.usagePressure.refuse || !books.usageRing.reserve()) return 'usage_backlog';
  if (books.ledger.reserve(userRow, reserveNanoUsd)) return null;
  books.usageRing.release();
  return 'balance_exhausted';
}
