/**
 * Who holds what: every shared count that somebody must give back has, beside it, one cell an owner. Together these cells are the
 * lease log of the process, in the form of sums:
 *
 *   kind = the table            row = the index            amount = the cell
 *   ┌──────────────────────┬──────────────────────────┬─────────────────────────────┬────────────────────┐
 *   │ slot-table.ts        │ user or account          │ places held                 │ count: in use      │
 *   │ ledger.ts            │ user                     │ nano-USD reserved           │ count: reserved    │
 *   │ byte-budget.ts       │ – (one budget a block)   │ KiB of bodies, of answers   │ count: KiB in use  │
 *   └──────────────────────┴──────────────────────────┴─────────────────────────────┴────────────────────┘
 *   owner cells:   [ front 0 | front 1 | … | front n−1 | jobs | predecessor ]
 *
 * A taker raises its cell before the count, a giver lowers the count before its cell: an owner's cell is never less than what the
 * count holds for it, so nothing can be held that no cell knows of. Undoing a dead owner is one sweep over its cells
 * (`reclaim.ts`). A log with an entry a lease would say no more than these sums do: a dead owner's leases are all given back,
 * whichever exchange they were for. Sums need no memory that grows, one add a change, and cannot overflow or tear.
 *
 * The jobs are those of primary: what a front has taken for a media job and passed on (`handTo`), which outlives its exchange.
 * The last owner is the predecessor: what an earlier process of the same gateway still has in use while it drains after a
 * reload. Primary writes those cells on its behalf; otherwise it takes only for jobs.
 */
export function ownerCount(fronts: number): number {
  return fronts + 2;
}

/** Fronts use their own index; these are primary's. */
export function jobsOwner(fronts: number): number {
  return fronts;
}

export function predecessorOwner(fronts: number): number {
  return fronts + 1;
}
