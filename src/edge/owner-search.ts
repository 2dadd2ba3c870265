/**
 * The search for the account that holds a stored response which a request asks for, or goes on with. Part of the lifecycle; front thread only.
 *
 *   its account is known         it alone is asked: its failure is told as what it is, since others could only say that they do not know it
 *   it was forgotten             a restart, or `schedule.affinityMs`: the accounts are asked in turn, the session's first
 *     one does not know it       the next one is asked; that is no failed attempt, and no account is worse for it
 *     one fails                  the next one is asked, up to `relay.attempts` of those; it may be the one, so that nobody has it is not said
 *     none knows it              the last one's own words; 404 of ours for what is only looked up
 */
import { nowMs } from '#base/clock.ts';
import type { AffinityKey } from '#coordinate/local/affinity-table.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { isDecidedByBody, RESPONSE_UNKNOWN, saysResponseUnknown } from '#relay/error-body.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

/** They are asked one after another while a client waits. */
const ASKED_MAX = 64;

/** The stored response that a request names, where more than one account could hold it. */
export class NamedResponse {
  readonly key: AffinityKey;
  /** The account in use is known to hold it. */
  isOwned = false;
  /** Accounts that do not know it. */
  unknowing = 0;
  /** What the first said that failed. */
  fault: Refusal | null = null;

  constructor(key: AffinityKey) {
    this.key = key;
  }
}

/** The account at hand does not know what is named: whether another one is asked. If not, what it says is the answer. */
function asksAnother({ named, tried, plan }: Exchange): boolean {
  if (named === null || named.isOwned) return false;
  if (named.fault !== null) return true;
  return tried.length + 1 < plan!.accounts.length && named.unknowing + 1 < ASKED_MAX;
}

/** Only the body of such an answer tells whom it concerns, or what is not there. */
export function isDoubtful(exchange: Exchange, status: number): boolean {
  return isDecidedByBody(status) || (status === 404 && asksAnother(exchange));
}

/** A body that says so, for which another account is to be asked. */
export function isElsewhereBy(exchange: Exchange, errorBody: Uint8Array): boolean {
  return asksAnother(exchange) && saysResponseUnknown(errorBody);
}

/** The same, said inside a 200 of which nothing has left for the client. */
export function isElsewhereWithin(exchange: Exchange): boolean {
  const { tap, reply, streaming } = exchange;
  if (tap!.errorType !== RESPONSE_UNKNOWN || reply.begun || (streaming && tap!.contentSeen)) return false;
  return asksAnother(exchange);
}

/** An attempt has failed, or found an account that does not know what is named. False: no other one is made. */
export function mayTryAnother({ config }: Parts, { named, attempts }: Exchange, refusal: Refusal): boolean {
  if (named === null) return attempts < config.relay.attempts;
  if (named.isOwned) return false;
  if (isUnknown(refusal)) named.unknowing++;
  else named.fault ??= refusal;
  return named.unknowing < ASKED_MAX && attempts - named.unknowing < config.relay.attempts;
}

/** What the client is told. `latest`: of the last attempt; `unplaced`: why there was not another one, null: none was wanted. */
export function lastWord(parts: Parts, exchange: Exchange, latest: Refusal, unplaced: Refusal | null): Refusal {
  const { named } = exchange;
  if (named === null) return latest;
  if (named.isOwned) return withRest(parts, exchange, latest);
  if (!isUnknown(latest)) return latest;
  if (named.fault !== null) return named.fault;
  // Those that are left and rest, or are full, may hold it.
  return unplaced === null || unplaced.failure.code === 'model_unknown' ? latest : unplaced;
}

function isUnknown({ failure }: Refusal): boolean {
  return failure.code === 'response_unknown';
}

/** To come again before its rest is over is in vain. */
function withRest({ health }: Parts, { account, plan }: Exchange, refusal: Refusal): Refusal {
  const { failure, detail, retryAfterSeconds } = refusal;
  if (failure.retry !== 'later') return refusal;
  const now = nowMs();
  const restMs = health.restUntil(account!.row, plan!.modelHash, now) - now;
  return refuse(failure.code, detail, Math.max(retryAfterSeconds, restMs / 1000));
}
