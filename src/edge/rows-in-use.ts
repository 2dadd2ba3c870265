/**
 * Which rows of the shared tables open exchanges still refer to: an exchange may hold no place yet and take one any moment. Asked
 * for when primary wants to free rows; front thread only.
 */
import type { Exchange } from './exchange.ts';
import type { LateBooks } from './late-books.ts';
import type { OpenList } from './open-list.ts';

export function userRowsInUse(open: OpenList<Exchange>, late: LateBooks, rows: readonly number[]): number[] {
  const used = new Set(open.snapshot().map((exchange) => exchange.entry?.principal.userRow));
  for (const { userRow } of late.books()) used.add(userRow);
  return rows.filter((row) => used.has(row));
}

/** An exchange keeps the plan that it was scheduled by, and may take any account of it after a failure of another. */
export function accountRowsInUse(open: OpenList<Exchange>, rows: readonly number[]): number[] {
  const plans = new Set(open.snapshot().map((exchange) => exchange.plan));
  return rows.filter((row) => [...plans].some((plan) => plan?.rows.includes(row)));
}
