/**
 * Whether a turn can be served over its WebSocket. A handshake names no model, so it may have been taken for the sake of accounts that do not
 * serve this one. Where POST would have an account, the client is sent there: the turn is refused, the WebSocket closes behind it, and the next
 * handshake of the key is 426, by which Codex falls back at once. 404 would be the end for it. Part of admission; front thread only.
 */
import type { FailureCode } from '#failure/registry.ts';
import type { Exchange } from './exchange.ts';
import { RESPONSES } from './operations.ts';
import type { Parts } from './parts.ts';

/** Over POST any account may serve that speaks a protocol to which there is a crossing. */
export function isServedByPost({ catalog }: Parts, { operation, entry, model }: Exchange): boolean {
  if (!operation.overSocket) return false;
  const plan = catalog.plans.find(entry!.principal.groupId, model, RESPONSES.servedBy);
  return plan !== undefined && plan.accounts.length > 0;
}

/** Passes over accounts that take no WebSocket; where all are such, says so. */
export function checkSockets(parts: Parts, exchange: Exchange): FailureCode | null {
  if (!exchange.operation.overSocket) return null;
  exchange.tried = withoutSocket(parts, exchange);
  if (exchange.tried.length < exchange.plan!.accounts.length) return null;
  return sendToPost(parts, exchange);
}

/** The account's upstream has refused the WebSocket of this turn. Null: others may still serve it over one. */
export function socketRefused(parts: Parts, exchange: Exchange): FailureCode | null {
  const { account, plan, named } = exchange;
  parts.socketless.noteAccount(account!.id);
  const isLast = named?.isOwned === true || withoutSocket(parts, exchange).length === plan!.accounts.length;
  return isLast ? sendToPost(parts, exchange) : null;
}

/** Indexes in the plan. One to which this very connection is joined has taken it. */
function withoutSocket({ socketless }: Parts, { plan, channel }: Exchange): number[] {
  const indexes: number[] = [];
  plan!.accounts.forEach(({ id }, index) => {
    if (id !== channel!.accountId && socketless.hasAccount(id)) indexes.push(index);
  });
  return indexes;
}

/** The refusal of a turn that no account serves over a WebSocket, or not the one that holds the response which it names. */
export function sendToPost({ socketless }: Parts, { entry, channel }: Exchange): FailureCode {
  socketless.noteKey(entry!.principal.keyHash);
  channel!.endsBehindTurn = true;
  return 'websocket_unserved';
}
