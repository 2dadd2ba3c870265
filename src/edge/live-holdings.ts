/**
 * What the live exchanges, attempts and replies of a front hold at this moment, added up from the objects themselves: the other side
 * of the audit. Everything that takes or gives does both in one turn of the loop, so between turns this is exact; a place that was
 * handed over and whose owner has not woken yet counts as held. Front thread only.
 */
import type { Holdings } from '#coordinate/local/audit.ts';
import type { Seat } from '#coordinate/local/waiting-room.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

export function liveHoldings(parts: Parts, isGranted: (seat: Seat) => boolean): Holdings {
  const holdings: Holdings = {
    userPlaces: new Map(),
    accountPlaces: new Map(),
    nanoUsd: new Map(),
    bodyBytes: 0,
    streamBytes: 0,
  };
  for (const exchange of parts.open.snapshot()) addExchange(holdings, parts, exchange, isGranted);
  for (const { userRow, reservedNanoUsd } of parts.lateBooks.books()) addMoney(holdings, userRow, reservedNanoUsd);
  for (const row of parts.liveAttempts?.rows() ?? []) add(holdings.accountPlaces, row);
  for (const reply of parts.replies.blocked) holdings.streamBytes += reply.budgetedBytes;
  holdings.streamBytes += parts.durable?.budgetedBytes ?? 0;
  return holdings;
}

function addExchange(into: Holdings, parts: Parts, exchange: Exchange, isGranted: (seat: Seat) => boolean): void {
  const { seat, entry } = exchange;
  if (exchange.holdsUserSlot) add(into.userPlaces, entry!.principal.userRow);
  if (seat !== null && isGranted(seat))
    add(seat.table === parts.userSlots ? into.userPlaces : into.accountPlaces, seat.row);
  into.bodyBytes += (exchange.body?.heldBytes ?? 0) + (exchange.inflation?.heldBytes ?? 0);
  if (exchange.spliced !== null) into.bodyBytes += (exchange.splicedRoom + 1023) & ~1023;
  into.bodyBytes += (exchange.mediaRoom + 1023) & ~1023;
  into.streamBytes += exchange.opening?.bytes ?? 0;
  into.streamBytes += (exchange.hold?.budgetedBytes ?? 0) + (exchange.transform?.budgetedBytes ?? 0);
  into.streamBytes += exchange.attempt?.budgetedBytes ?? 0;
  into.streamBytes += exchange.counted?.texts.budgetedBytes ?? 0;
  if (exchange.booksOpen) addMoney(into, entry!.principal.userRow, exchange.reservedNanoUsd);
}

function addMoney({ nanoUsd }: Holdings, row: number, nano: bigint): void {
  nanoUsd.set(row, (nanoUsd.get(row) ?? 0n) + nano);
}

function add(places: Map<number, number>, row: number): void {
  places.set(row, (places.get(row) ?? 0) + 1);
}
