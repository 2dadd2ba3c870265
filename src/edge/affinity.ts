/**
 * Keeps what belongs together on one account: a session, as long as that account has a free place; a stored response, always, because no
 * other account knows it. Part of scheduling; front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { type AffinityKey, affinityKey } from '#coordinate/local/affinity-table.ts';
import { prefixOf, sessionOf } from '#wire/session.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';

const SESSION = 'session';
const RESPONSE = 'response';

/** Index in the plan of the account that should serve, -1 when any may. */
export interface Preference {
  index: number;
  /** No other account can serve it. */
  isOwner: boolean;
}

/** A turn that goes on with a chain of responses can only do so where that lives; another one may do so as well. */
function joinedAccount({ channel, plan, facts }: Exchange): Preference | null {
  const index = channel === null ? -1 : plan!.indexOf(channel.accountId);
  return index < 0 ? null : { index, isOwner: facts!.previousId !== null };
}

/** With one candidate there is nothing to prefer, and nothing is looked up. */
export function preferredAccount({ affinity, config }: Parts, exchange: Exchange): Preference {
  const { plan } = exchange;
  const joined = joinedAccount(exchange);
  if (joined !== null) return joined;
  if (plan!.accounts.length < 2 || config.schedule.affinityMs === 0) return { index: -1, isOwner: false };
  const owner = ownerKey(exchange);
  if (owner !== null) {
    const index = plan!.indexOf(affinity.find(owner, nowMs()));
    if (index >= 0) return { index, isOwner: true };
  }
  const session = sessionKey(exchange);
  return { index: session === null ? -1 : plan!.indexOf(affinity.find(session, nowMs())), isOwner: false };
}

/** The account has begun to answer. */
export function rememberSession({ affinity, config }: Parts, exchange: Exchange): void {
  const { affinityMs } = config.schedule;
  if (affinityMs === 0 || exchange.plan!.accounts.length < 2) return;
  const key = sessionKey(exchange);
  if (key !== null) affinity.remember(key, exchange.account!.id, nowMs(), affinityMs);
}

/** A response that was found by its id. */
export function rememberResponse({ affinity, config }: Parts, exchange: Exchange, responseId: string): void {
  const { affinityMs } = config.schedule;
  if (affinityMs === 0) return;
  const key = affinityKey(exchange.entry!.principal.groupId, RESPONSE, responseId);
  affinity.remember(key, exchange.account!.id, nowMs(), affinityMs);
}

/** The answer at hand, which may be asked for by its id from the moment its client knows that; once more at its end, to be kept from then. */
export function rememberAnswer({ affinity, config }: Parts, exchange: Exchange, answerId: string): void {
  const { affinityMs } = config.schedule;
  if (affinityMs === 0 || answerId === '' || exchange.crossing !== null) return;
  exchange.answerKey ??= affinityKey(exchange.entry!.principal.groupId, RESPONSE, answerId);
  affinity.remember(exchange.answerKey, exchange.account!.id, nowMs(), affinityMs);
}

function ownerKey({ entry, operation, route, facts }: Exchange): AffinityKey | null {
  const id = operation.owned ? route.named : facts!.previousId;
  return id === null ? null : affinityKey(entry!.principal.groupId, RESPONSE, id);
}

function sessionKey(exchange: Exchange): AffinityKey | null {
  if (exchange.sessionKey === undefined) exchange.sessionKey = makeSessionKey(exchange);
  return exchange.sessionKey;
}

function makeSessionKey({ entry, head, facts, operation, body }: Exchange): AffinityKey | null {
  const name =
    sessionOf(head.forwarded, facts!) ??
    (operation.protocol === 'gemini' && body !== null && !body.isReleased ? prefixOf(body.bytes, facts!) : null);
  // Two users with one name of a session are two sessions.
  return name === null ? null : affinityKey(entry!.principal.groupId, SESSION, `${entry!.principal.userId}\n${name}`);
}
