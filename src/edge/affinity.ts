/**
 * Keeps what belongs together on one account: a session, as long as that account has a free place; a stored response, always, because no
 * other account knows it. Part of scheduling; front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { type AffinityKey, affinityKey } from '#coordinate/local/affinity-table.ts';
import { prefixOf, sessionOf } from '#wire/session.ts';
import type { Exchange } from './exchange.ts';
import { NamedResponse } from './owner-search.ts';
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
  const plan = exchange.plan!;
  const isKept = plan.accounts.length > 1 && config.schedule.affinityMs > 0;
  if (plan.accounts.length > 1) exchange.named ??= namedBy(exchange);
  const index = isKept && exchange.named !== null ? plan.indexOf(affinity.find(exchange.named.key, nowMs())) : -1;
  if (index >= 0) return { index, isOwner: true };
  const joined = joinedAccount(exchange);
  if (joined !== null) return joined;
  if (!isKept) return { index: -1, isOwner: false };
  const session = sessionKey(exchange);
  return { index: session === null ? -1 : plan.indexOf(affinity.find(session, nowMs())), isOwner: false };
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

/** The answer at hand, which may be asked for by its id from the moment its client knows that. */
export function rememberAnswer({ affinity, config }: Parts, exchange: Exchange, answerId: string): void {
  const { affinityMs } = config.schedule;
  if (affinityMs === 0 || answerId === '' || exchange.crossing !== null) return;
  exchange.answerKey ??= affinityKey(exchange.entry!.principal.groupId, RESPONSE, answerId);
  affinity.remember(exchange.answerKey, exchange.account!.id, nowMs(), affinityMs);
}

/** An answer has ended: its time begins, and its account is that of the response that it goes on with. */
export function rememberEnded(parts: Parts, exchange: Exchange): void {
  const { tap, named, account } = exchange;
  if (tap === null || tap.answerId === '') return;
  rememberAnswer(parts, exchange, tap.answerId);
  const { affinityMs } = parts.config.schedule;
  if (named !== null && affinityMs > 0 && !tap.errorEvent)
    parts.affinity.remember(named.key, account!.id, nowMs(), affinityMs);
}

function namedBy({ entry, operation, route, facts, crossing }: Exchange): NamedResponse | null {
  const id = operation.owned ? route.named : facts!.previousId;
  if (id === null || crossing !== null) return null;
  return new NamedResponse(affinityKey(entry!.principal.groupId, RESPONSE, id));
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
