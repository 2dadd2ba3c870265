/**
 * One WebSocket of a client, for Responses: a list of turns, one after another. Each turn is an exchange with books and places of its own;
 * what they share is this connection and, from the first that was relayed, one of our own to the account (`relay/upstream-channel.ts`).
 *
 *   open ──message──► turn ──its last event──► open ──…──► closed
 *     │                 └── the upstream broke: 1011, or 1001 while the process ends ──────────▲
 *     └── 1000 idle, 1001 the process ends, 1003 binary, 1008 too old, 1009 too long, 1012 the upstream has closed
 *
 * Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import type { Target } from '#relay/target.ts';
import { TurnAttempt } from '#relay/turn-attempt.ts';
import { UpstreamChannel } from '#relay/upstream-channel.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import { ChannelWriter, type ClientSocket } from './channel-writer.ts';
import type { ReplyOwner } from './client-side.ts';
import type { Exchange } from './exchange.ts';
import type { Head } from './head.ts';
import type { Parts } from './parts.ts';
import { type TurnChannel, TurnReply } from './turn-reply.ts';

/** Close codes of RFC 6455 and of the registry of IANA. */
export const CLOSE = Object.freeze({
  normal: 1000,
  goingAway: 1001,
  unsupported: 1003,
  policy: 1008,
  tooBig: 1009,
  internal: 1011,
  restart: 1012,
});

/** What a channel tells. */
export interface ChannelEvents {
  onTurn(channel: Channel, message: ArrayBuffer): void;
  onClosed(channel: Channel): void;
}

export class Channel implements TurnChannel {
  /** Of the handshake: its headers travel with every turn. */
  readonly head: Head;
  readonly keyHash: string;
  readonly openedAtMs = nowMs();
  /** The turn under way cannot be served here: its client is to come again, and is told then to use POST. */
  endsBehindTurn = false;
  readonly #parts: Parts;
  readonly #events: ChannelEvents;
  #writer: ChannelWriter | null = null;
  #socket: ClientSocket | null = null;
  #turn: TurnReply | null = null;
  #upstream: UpstreamChannel | null = null;
  #idleSinceMs = nowMs();
  #heardAtMs = nowMs();
  #pingedAtMs = 0;

  constructor(parts: Parts, head: Head, keyHash: string, events: ChannelEvents) {
    this.#parts = parts;
    this.head = head;
    this.keyHash = keyHash;
    this.#events = events;
  }

  /** A turn is under way. */
  get busy(): boolean {
    return this.#turn !== null;
  }

  /** A turn, or what the reader has not taken of the last one. */
  get unfinished(): boolean {
    return this.busy || this.#writer?.blocked === true;
  }

  /** The account that this connection is joined to; −1 for none. */
  get accountId(): number {
    return this.#upstream === null || this.#upstream.dead ? -1 : this.#upstream.accountId;
  }

  get #upstreamRefused(): boolean {
    return this.#upstream !== null && this.#parts.socketless.hasAccount(this.#upstream.accountId);
  }

  /** Binary, as text; '' when the client has left. */
  getRemoteAddressAsText(): ArrayBuffer {
    return this.#socket?.getRemoteAddressAsText() ?? new ArrayBuffer(0);
  }

  // ── from the server ───────────────────────────────────────────────────────────────────────────────────────────────────────

  opened(socket: ClientSocket): void {
    this.#socket = socket;
    this.#writer = new ChannelWriter(socket, this.#parts.replies, {
      onBlocked: () => this.#turn?.owner.onBlocked(),
      onDrained: () => this.#turn?.owner.onDrained(),
    });
  }

  received(message: ArrayBuffer, isBinary: boolean): void {
    this.heard();
    if (this.#writer?.ending) return;
    const { websocket, limits } = this.#parts.config;
    if (isBinary) return this.end(CLOSE.unsupported, 'messages are texts');
    if (message.byteLength > Math.min(websocket.messageBytesMax, limits.bodyBytesMax))
      return this.end(CLOSE.tooBig, 'the message is too long');
    this.#events.onTurn(this, message);
  }

  heard(): void {
    this.#heardAtMs = nowMs();
  }

  drained(): void {
    this.#writer?.drained();
  }

  /** The upstream goes on with a turn that is under way: it is read on for its usage. */
  closed(): void {
    this.#writer?.gone();
    this.#socket = null;
    this.#events.onClosed(this);
    this.#leave();
  }

  // ── turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The answer of a turn that may be refused because another one is under way. */
  reply(owner: ReplyOwner): TurnReply {
    const reply = new TurnReply(this, this.#parts.replies.flushQueue, owner);
    this.#turn ??= reply;
    return reply;
  }

  write(messages: readonly Uint8Array[]): void {
    this.#writer?.write(messages);
  }

  turnEnded(turn: TurnReply): void {
    if (turn !== this.#turn) return;
    this.#turn = null;
    this.#idleSinceMs = nowMs();
    if (this.#parts.replies.closing) this.end(CLOSE.goingAway, 'the gateway is closing');
    // It comes again, and where no other account has WebSockets it is told to use POST.
    else if (this.endsBehindTurn || this.#upstreamRefused) this.end(CLOSE.restart, 'the upstream takes no WebSocket');
  }

  breakOff(): void {
    if (this.#parts.replies.closing) this.end(CLOSE.goingAway, 'the gateway is closing');
    else this.end(CLOSE.internal, 'the answer broke off');
  }

  /** A try of this turn, over the connection there is or a new one. */
  attempt(exchange: Exchange, account: SnapshotAccount, target: Target, onOver: () => void): TurnAttempt {
    if (this.#upstream === null || !this.#upstream.leadsTo(account.id, target)) this.#join(account, target);
    return new TurnAttempt(this.#upstream!, this.#parts.counters, exchange, onOver);
  }

  /** Closes behind what has been written; meanwhile nothing more is asked or answered. */
  end(code: number, reason: string): void {
    this.#writer?.end(code, reason);
    if (this.#writer?.ending) this.#leave();
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Called some times a second. What it ends is no turn, nor what is left of one. */
  sweep(now: number): 'kept' | 'closing' | 'expired' | 'idle' | 'silent' {
    this.#upstream?.sweep(now);
    const { pingMs, idleMs, maxAgeMs } = this.#parts.config.websocket;
    if (!this.unfinished) {
      if (this.#parts.replies.closing) return 'closing';
      if (now - this.openedAtMs >= maxAgeMs) return 'expired';
      if (now - this.#idleSinceMs >= idleMs) return 'idle';
    }
    if (now - this.#heardAtMs < pingMs) return 'kept';
    if (this.#pingedAtMs < this.#heardAtMs) {
      this.#pingedAtMs = now;
      this.#writer?.ping();
    } else if (now - this.#pingedAtMs >= pingMs) return 'silent';
    return 'kept';
  }

  /** Nobody answers there. */
  cutOff(): void {
    this.#writer?.cutOff();
  }

  #leave(): void {
    const turn = this.#turn;
    this.#turn = null;
    turn?.gone();
    this.#upstream?.retire();
  }

  #join(account: SnapshotAccount, target: Target): void {
    const { config } = this.#parts;
    this.#upstream?.retire();
    const limits = { ...config.relay, messageBytesMax: config.websocket.messageBytesMax };
    const upstream = new UpstreamChannel(account.id, target, this.head, limits, () => this.#upstreamEnded(upstream));
    this.#upstream = upstream;
    this.#parts.channels.joined(upstream);
  }

  /** The chain that lived there is gone, so the client must begin anew; a turn that still waits for its place begins one itself. */
  #upstreamEnded(upstream: UpstreamChannel): void {
    if (upstream !== this.#upstream) return;
    this.#upstream = null;
    if (!this.busy) this.end(CLOSE.restart, 'the upstream has closed');
  }
}
