/**
 * One attempt of an exchange on its way: the account whose place is held, a connection, the body that it understands. Part of the relay;
 * front thread only.
 */
import { nowMs } from '#base/clock.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { Attempt, type UpstreamAttempt } from '#relay/attempt.ts';
import { fileTarget } from '#relay/target.ts';
import { upstreamModel } from '#schedule/plan.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import type { Channel } from './channel.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import { releaseSpliced, takeSentBody } from './sent-body.ts';
import { upstreamCall } from './upstream-call.ts';
import { countUsage } from './usage-count.ts';

/** Dispatches to the account whose place is held, or gives the place back and says what there is no room for. */
export function dispatch(parts: Parts, exchange: Exchange, fresh = false): Refusal | null {
  const { pools, catalog, accountSlots, attempts, config } = parts;
  const account = exchange.plan!.accounts[exchange.accountIndex]!;
  const row = account.row;
  const host = exchange.mediaPlace?.host ?? null;
  const target = host === null ? catalog.targets.get(account.id) : fileTarget(host);
  if (exchange.channel !== null) return dispatchTurn(parts, exchange, exchange.channel, account);
  const pool = target === undefined ? null : host === null ? pools.get(target) : pools.once(target);
  const connection = (fresh ? pool?.takeFresh() : pool?.take()) ?? null;
  if (target === undefined || pool === null || connection === null) {
    accountSlots.release(row);
    return refuse('accounts_busy');
  }
  exchange.sentModel = upstreamModel(account, exchange.model);
  leaveAttempt(parts, exchange);
  const body = takeSentBody(parts, exchange);
  if (!(body instanceof Uint8Array)) {
    pool.give(connection, nowMs());
    accountSlots.release(row);
    return body;
  }
  const attempt = new Attempt(attempts, pool, connection, exchange, row);
  began(parts, exchange, account, attempt);
  const call = upstreamCall(exchange, target);
  attempt.start({
    method: call.method,
    path: call.path,
    headers: call.headers,
    fixedHeaders: target.headers,
    body,
    headersTimeoutMs: config.relay.headersTimeoutMs,
    idleTimeoutMs: config.relay.idleTimeoutMs,
  });
  return null;
}

/** The same over the WebSocket to the account that belongs to the client's. */
function dispatchTurn(parts: Parts, exchange: Exchange, channel: Channel, account: SnapshotAccount): Refusal | null {
  const release = (): void => parts.accountSlots.release(account.row);
  const target = parts.catalog.targets.get(account.id);
  exchange.sentModel = upstreamModel(account, exchange.model);
  leaveAttempt(parts, exchange);
  const body = target === undefined ? refuse('accounts_busy') : takeSentBody(parts, exchange);
  if (target === undefined || !(body instanceof Uint8Array)) {
    release();
    return body as Refusal;
  }
  const attempt = channel.attempt(exchange, account, target, release);
  began(parts, exchange, account, attempt);
  attempt.start(body);
  return null;
}

function began(parts: Parts, exchange: Exchange, account: SnapshotAccount, attempt: UpstreamAttempt): void {
  const { health, liveAttempts } = parts;
  exchange.stage = 'relaying';
  exchange.account = account;
  countUsage(parts, exchange, account);
  exchange.attempts++;
  exchange.attempt = attempt;
  health.markUsed(account.row, nowMs());
  liveAttempts?.add(attempt, account.row);
}

/** The attempt before failed. It may still be sending, when its upstream answered before it had read everything. */
function leaveAttempt(parts: Parts, exchange: Exchange): void {
  if (exchange.attempt === null) return;
  if (exchange.attempt.holdsBody) exchange.bodyPinned = true;
  releaseSpliced(parts, exchange);
  exchange.attempt = null;
}
