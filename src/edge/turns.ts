/**
 * What begins on a WebSocket: the connection itself, once its key is known, and the messages on it. Part of the lifecycle; front thread
 * only.
 */
import { type FailureCode, type Refusal, refuse } from '#failure/registry.ts';
import { eventType } from '#wire/socket-events.ts';
import { Channel, type ChannelEvents } from './channel.ts';
import type { Exchange } from './exchange.ts';
import type { Parts } from './parts.ts';
import type { Reply } from './reply.ts';
import type { Upgrade } from './upgrade.ts';

/** Until its key is known, a handshake keeps what it takes to turn its connection into a WebSocket. */
export function keepUpgrade(exchange: Exchange, reply: Reply, upgrade: Upgrade): void {
  exchange.welcome = (channel, headers) => {
    reply.handOver();
    upgrade.accept(channel, headers);
  };
}

/** Turns the connection of a handshake into a WebSocket, or says why not. */
export function welcome(parts: Parts, exchange: Exchange, events: ChannelEvents): FailureCode | null {
  const { channels, replies } = parts;
  const { principal } = exchange.entry!;
  const code = channels.check(parts, principal.keyHash, principal.groupId);
  if (code !== null) return code;
  const channel = new Channel(parts, exchange.head, principal.keyHash, events);
  channels.add(parts, channel);
  exchange.welcome!(channel, ['x-penstock-request-id', exchange.id.text, ...replies.extraHeaders]);
  return null;
}

/** The only message that a client has to send. */
export function checkTurn(message: ArrayBuffer): Refusal | null {
  if (message.byteLength === 0) return refuse('body_empty');
  if (eventType(Buffer.from(message)) === 'response.create') return null;
  return refuse('field_invalid', 'type: expected response.create.');
}
