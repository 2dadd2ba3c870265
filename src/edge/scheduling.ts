/**
 * Places and queues of an exchange: finds it an account, lets it wait for a user's or account's place, keeps a streaming caller's
 * connection alive meanwhile. Part of the lifecycle; front thread only.
 */
import { assert } from '#base/assert.ts';
import { nowMs } from '#base/clock.ts';
import { REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import { type Choice, choose } from '#schedule/choose.ts';
import { preferredAccount } from './affinity.ts';
import { statusLine } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import { sendToPost } from './socket-turn.ts';

export class Scheduling {
  readonly #parts: Parts;
  readonly #choice: Choice;

  constructor(parts: Parts, choice: Choice) {
    this.#parts = parts;
    this.#choice = choice;
  }

  /** Chooses an account and takes its place, or joins its queue, or says why neither is possible. */
  place(exchange: Exchange): 'placed' | 'waiting' | Refusal {
    const { accountSlots, health, counters } = this.#parts;
    const plan = exchange.plan!;
    const preferred = this.#placePreferred(exchange);
    if (preferred !== null) return preferred;
    const choice = this.#choice;
    choose(plan, accountSlots, health, exchange.tried, nowMs(), choice);
    if (choice.verdict === 'none') return refuse('model_unknown');
    if (choice.verdict === 'resting') return restRefusal(choice);
    exchange.accountIndex = choice.index;
    const row = plan.rows[choice.index]!;
    counters.add(C.slotAttempts);
    if (choice.verdict === 'free' && accountSlots.tryTake(row)) return 'placed';
    const waiting = this.wait(exchange, accountSlots, row, true);
    if (waiting === 'full') return refuse('accounts_busy');
    return waiting === 'taken' ? 'placed' : 'waiting';
  }

  /** Null: any account may serve. Only the first attempt has a preference: an account that has failed is no better for it. */
  #placePreferred(exchange: Exchange): 'placed' | 'waiting' | Refusal | null {
    const { accountSlots, health, counters } = this.#parts;
    if (exchange.attempts > 0) return null;
    const { index, isOwner } = preferredAccount(this.#parts, exchange);
    if (exchange.named !== null) exchange.named.isOwned = isOwner;
    if (index < 0) return null;
    // Nothing has been tried but that it takes no WebSocket.
    if (exchange.tried.includes(index)) return isOwner ? refuse(sendToPost(this.#parts, exchange)) : null;
    const { rows, modelHash } = exchange.plan!;
    const row = rows[index]!;
    const restUntil = health.restUntil(row, modelHash, nowMs());
    const rests = restUntil > nowMs();
    if (rests && !isOwner) return null;
    const restIsRateLimit = rests && health.reason(row, modelHash, nowMs()) === REST_RATE_LIMITED;
    if (rests) return restRefusal({ restEnds: restUntil, restIsRateLimit });
    exchange.accountIndex = index;
    counters.add(C.slotAttempts);
    if (accountSlots.tryTake(row)) {
      counters.add(C.affinityHits);
      return 'placed';
    }
    if (!isOwner) return null;
    const waiting = this.wait(exchange, accountSlots, row, true);
    if (waiting === 'full') return refuse('accounts_busy');
    return waiting === 'taken' ? 'placed' : 'waiting';
  }

  wait(exchange: Exchange, table: SlotTable, row: number, forAccount: boolean): 'taken' | 'waiting' | 'full' {
    const result = this.#parts.waitingRoom.wait(table, row, exchange);
    if (result === 'taken' || result === 'full') return result;
    const now = nowMs();
    exchange.stage = 'waiting';
    exchange.seat = result;
    exchange.waitsForAccount = forAccount;
    exchange.waitingSinceMs = now;
    exchange.nextPingAtMs = now + this.#parts.config.queue.pingAfterMs;
    this.#parts.counters.add(C.waits);
    return 'waiting';
  }

  /** The wait is over, with or without a place. */
  stopWaiting(exchange: Exchange): void {
    const waited = nowMs() - exchange.waitingSinceMs;
    exchange.seat = null;
    exchange.queuedMs += waited;
    this.#parts.counters.add(C.waitMs, waited);
  }

  /** Called some times a second. Not where they happen: tables know nothing of counters. */
  countRetries(): void {
    const { userSlots, accountSlots, counters } = this.#parts;
    counters.add(C.slotRetries, userSlots.retries + accountSlots.retries);
    userSlots.retries = 0;
    accountSlots.retries = 0;
  }

  /** Leaves the queue because the wait took too long. `granted`: a releaser was faster, the exchange goes on. */
  giveUp(exchange: Exchange): 'left' | 'granted' {
    assert(exchange.seat !== null, 'an exchange leaves a queue it is not in');
    const result = this.#parts.waitingRoom.leave(exchange.seat);
    if (result === 'granted') exchange.onGranted();
    else this.stopWaiting(exchange);
    return result;
  }

  /** The account fell ill while this exchange waited for it: its place goes to the next, another account is looked for. */
  giveBackIfResting(exchange: Exchange): boolean {
    const { health, accountSlots } = this.#parts;
    const { rows, modelHash } = exchange.plan!;
    const row = rows[exchange.accountIndex]!;
    const now = nowMs();
    if (health.restUntil(row, modelHash, now) <= now) return false;
    accountSlots.release(row);
    return true;
  }

  /** Leaves the queue for good; a place that was granted meanwhile goes to the next. */
  abandon(exchange: Exchange): void {
    const { seat } = exchange;
    assert(seat !== null, 'an exchange leaves a queue it is not in');
    this.stopWaiting(exchange);
    if (this.#parts.waitingRoom.leave(seat) === 'granted') seat.table.release(seat.row);
  }

  /** A streaming caller that has waited long gets an early 200 and pings, so that its own timeouts do not end the wait. */
  ping(exchange: Exchange, now: number): void {
    const { keepAlive } = exchange.dialect;
    if (now < exchange.nextPingAtMs || !exchange.streams || keepAlive === null) return;
    exchange.nextPingAtMs = now + this.#parts.config.queue.pingEveryMs;
    if (!exchange.pinging) {
      exchange.pinging = true;
      const task = exchange.media === null ? [] : ['x-request-id', exchange.id.text];
      exchange.reply.begin(statusLine(200), [...streamHeaders(exchange.id.text), ...task]);
    }
    exchange.reply.push(keepAlive);
  }
}

export function streamHeaders(requestId: string): string[] {
  return [
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache',
    'x-penstock-request-id',
    requestId,
  ];
}

function restRefusal(choice: Pick<Choice, 'restEnds' | 'restIsRateLimit'>): Refusal {
  const seconds = Math.max(1, (choice.restEnds - nowMs()) / 1000);
  return refuse(choice.restIsRateLimit ? 'accounts_rate_limited' : 'accounts_resting', '', seconds);
}
