/**
 * Where a WebSocket is known not to be had: accounts whose upstream has refused one, and keys a turn of which only POST can serve, since a
 * handshake does not say for which model it is. All fronts share the port, so what one learns all are told. Each front has one; what it
 * knows it forgets after minutes, and the oldest key when there are too many.
 */
import { nowMs } from '#base/clock.ts';

/** What one front tells the others, by way of primary. */
export type SocketlessNews = { type: 'socketless'; accountId: number } | { type: 'socketless'; keyHash: string };

/** An upstream that has no WebSockets will hardly have got them within minutes. */
const BELIEVED_MS = 300_000;
const KEYS_MAX = 10_000;

export class Socketless {
  /** Until when each is believed. */
  readonly #accounts = new Map<number, number>();
  readonly #keys = new Map<string, number>();
  readonly #tell: (news: SocketlessNews) => void;

  constructor(tell: (news: SocketlessNews) => void) {
    this.#tell = tell;
  }

  /** Its upstream takes no WebSocket, whatever its settings say. */
  hasAccount(accountId: number): boolean {
    return isBelieved(this.#accounts, accountId);
  }

  /** Its client uses a model that is to be had, but not over a WebSocket. */
  hasKey(keyHash: string): boolean {
    return isBelieved(this.#keys, keyHash);
  }

  noteAccount(accountId: number): void {
    if (!this.hasAccount(accountId)) this.#tell({ type: 'socketless', accountId });
    this.learn({ type: 'socketless', accountId });
  }

  noteKey(keyHash: string): void {
    if (!this.hasKey(keyHash)) this.#tell({ type: 'socketless', keyHash });
    this.learn({ type: 'socketless', keyHash });
  }

  /** This or another front has found out. */
  learn(news: SocketlessNews): void {
    const untilMs = nowMs() + BELIEVED_MS;
    if ('accountId' in news) return void this.#accounts.set(news.accountId, untilMs);
    this.#keys.delete(news.keyHash);
    this.#keys.set(news.keyHash, untilMs);
    if (this.#keys.size > KEYS_MAX) this.#keys.delete(this.#keys.keys().next().value!);
  }
}

function isBelieved<K>(map: Map<K, number>, key: K): boolean {
  const untilMs = map.get(key);
  if (untilMs === undefined || nowMs() < untilMs) return untilMs !== undefined;
  map.delete(key);
  return false;
}
