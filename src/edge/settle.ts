/**
 * The one ending that every exchange reaches, exactly once: the usage record goes into the ring (its room was taken at
 * admission), the reservation becomes the real charge, places and bytes go back, counters and the log line follow. The order
 * matters: the charge is booked before the reservation is freed, so the balance never looks larger than it is. Only the books may
 * close later, when tokens are still being counted (`late-books.ts`).
 *
 * Front thread only. Never fails, never waits.
 */
import { assert } from '#base/assert.ts';
import { nowMs } from '#base/clock.ts';
import { FAILURE_CODES, type Refusal } from '#failure/registry.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import { KIND, type RecordStatus } from '#usage/record.ts';
import { rememberEnded } from './affinity.ts';
import { closeBook } from './close-book.ts';
import type { Exchange } from './exchange.ts';
import { letGo } from './openings.ts';
import type { TapMaker } from './operations.ts';
import type { Parts } from './parts.ts';
import { releaseBodies } from './sent-body.ts';
import { usageOf, voidOf } from './usage-of.ts';

const FAILURE_INDEX = new Map(FAILURE_CODES.map((code, index) => [code, index]));
const ENDINGS = { completed: C.completed, client_gone: C.clientGone, interrupted: C.interrupted } as const;
const DURATION = 1;
const IDLE_TAPS_MAX = 256;

export function settle(parts: Parts, exchange: Exchange, status: RecordStatus | 'refused', refusal?: Refusal): void {
  assert(exchange.stage !== 'settled', 'an exchange is settled twice');
  const { stage } = exchange;
  exchange.stage = 'settled';
  parts.open.delete(exchange);
  const now = nowMs();
  book(parts, exchange, status === 'refused' ? 'interrupted' : status, now);
  rememberEnded(parts, exchange);
  giveTapBack(parts, exchange);
  letGo(exchange);
  exchange.transform?.drop();
  exchange.transform = null;
  if (exchange.holdsUserSlot) parts.userSlots.release(exchange.entry!.principal.userRow);
  exchange.counted?.texts.drop();
  releaseBodies(parts, exchange, stage);
  count(parts.counters, exchange, status, now);
  if (refusal !== undefined) parts.counters.failure(FAILURE_INDEX.get(refusal.failure.code)!);
  log(parts, exchange, status, refusal, now);
}

function giveTapBack({ idleTaps }: Parts, exchange: Exchange): void {
  const { tap } = exchange;
  if (exchange.counted !== null) tap?.collect(null);
  const idle = tap === null ? undefined : idleTaps.get(tap.constructor as TapMaker);
  if (tap !== null && idle !== undefined && idle.length < IDLE_TAPS_MAX) idle.push(tap);
  exchange.tap = null;
}

/** Closes the books: the record of a paid answer, or what was set aside for it given back. */
function book(parts: Parts, exchange: Exchange, status: RecordStatus, now: number): void {
  if (!exchange.booksOpen) return;
  const record = exchange.billable ? usageOf(exchange, status, now) : null;
  if (record !== null && exchange.counted !== null && parts.lateBooks.keep(parts, exchange, record)) return;
  const { userRow } = exchange.entry!.principal;
  const wasOpen = exchange.openTokens >= 0;
  if (record !== null) closeBook(parts, { record, wasOpen, userRow, reservedNanoUsd: exchange.reservedNanoUsd });
  else {
    if (wasOpen) parts.usageRing.push(voidOf(exchange), KIND.void);
    else parts.usageRing.release();
    parts.ledger.free(userRow, exchange.reservedNanoUsd);
  }
  exchange.openTokens = -1;
}

function count(counters: CounterRow, exchange: Exchange, status: RecordStatus | 'refused', now: number): void {
  counters.add(C.exchangesClosed);
  if (status === 'refused') return;
  counters.add(ENDINGS[status]);
  if (exchange.firstByteAtMs > 0) counters.latency(DURATION, now - exchange.startedAtMs);
}

/** One line at its level; faults of clients are for debugging, the others are sampled. */
function log(parts: Parts, exchange: Exchange, status: string, refusal: Refusal | undefined, now: number): void {
  const warns = refusal !== undefined && refusal.failure.source !== 'client';
  if (warns ? !parts.logBudget.take(now) : !parts.log.isLevelEnabled('debug')) return;
  const line = {
    requestId: exchange.id.text,
    status,
    code: refusal?.failure.code,
    user: exchange.entry?.principal.userName,
    account: exchange.account?.name,
    model: exchange.model,
    attempts: exchange.attempts,
    ms: Math.round(now - exchange.startedAtMs),
  };
  if (warns) parts.log.warn({ ...line, leftOut: parts.logBudget.leftOut() }, 'exchange refused');
  else parts.log.debug(line, 'exchange ended');
}
