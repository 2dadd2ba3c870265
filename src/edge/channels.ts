/**
 * The WebSockets of one front: how many there may be, by front and by key; what time does to them; their end with the process. Front
 * thread only.
 */
import { FAILURE_CODES, type FailureCode, refuse } from '#failure/registry.ts';
import { C } from '#meter/counters.ts';
import type { UpstreamChannel } from '#relay/upstream-channel.ts';
import { RESPONSES_SOCKET_DIALECT } from '#wire/openai-errors.ts';
import { type Channel, CLOSE } from './channel.ts';
import { RESPONSES_TURN } from './operations.ts';
import type { Parts } from './parts.ts';

const EXPIRED = FAILURE_CODES.indexOf('websocket_expired');

export class Channels {
  readonly #open = new Set<Channel>();
  /** To accounts; also those whose client has left. */
  readonly #upstreams = new Set<UpstreamChannel>();
  readonly #byKey = new Map<string, number>();

  get size(): number {
    return this.#open.size;
  }

  /** Those that keep the front from ending. */
  get unfinished(): number {
    let count = 0;
    for (const channel of this.#open) if (channel.unfinished) count++;
    return count;
  }

  /** Whether this key may open another one, for this group. */
  check({ config, catalog, socketless }: Parts, keyHash: string, groupId: number): FailureCode | null {
    const plan = catalog.plans.find(groupId, '', RESPONSES_TURN.servedBy, true);
    const none = plan === undefined || plan.accounts.every(({ id }) => socketless.hasAccount(id));
    if (none || socketless.hasKey(keyHash)) return 'upgrade_required';
    const { websocketsPerFront, websocketsPerKey } = config.limits;
    const full = this.#open.size >= websocketsPerFront || (this.#byKey.get(keyHash) ?? 0) >= websocketsPerKey;
    return full ? 'websockets_exhausted' : null;
  }

  add({ counters }: Parts, channel: Channel): void {
    this.#open.add(channel);
    this.#byKey.set(channel.keyHash, (this.#byKey.get(channel.keyHash) ?? 0) + 1);
    counters.add(C.websocketsOpened);
  }

  delete({ counters }: Parts, channel: Channel): void {
    if (!this.#open.delete(channel)) return;
    const left = this.#byKey.get(channel.keyHash)! - 1;
    if (left > 0) this.#byKey.set(channel.keyHash, left);
    else this.#byKey.delete(channel.keyHash);
    counters.add(C.websocketsClosed);
  }

  joined(upstream: UpstreamChannel): void {
    this.#upstreams.add(upstream);
  }

  /** Called some times a second. */
  sweep(parts: Parts, now: number): void {
    for (const upstream of this.#upstreams) if (upstream.dead) this.#upstreams.delete(upstream);
    for (const channel of this.#open) {
      const verdict = channel.sweep(now);
      if (verdict === 'closing') channel.end(CLOSE.goingAway, 'the gateway is closing');
      else if (verdict === 'idle') channel.end(CLOSE.normal, 'idle');
      else if (verdict === 'silent') channel.cutOff();
      else if (verdict === 'expired') this.#expire(parts, channel);
    }
  }

  /** The front ends. Turns have been broken off before, and close their connections themselves. */
  endAll(): void {
    for (const channel of this.#open) channel.end(CLOSE.goingAway, 'the gateway is closing');
  }

  /** The thread ends: nothing may keep it. */
  close(): void {
    for (const upstream of this.#upstreams) upstream.destroy();
    this.#upstreams.clear();
  }

  #expire({ counters }: Parts, channel: Channel): void {
    counters.failure(EXPIRED);
    channel.write([RESPONSES_SOCKET_DIALECT.renderError(refuse('websocket_expired'), '')]);
    channel.end(CLOSE.policy, 'the connection has reached its longest age');
  }
}
