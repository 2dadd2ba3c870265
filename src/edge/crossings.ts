/** Which protocols are turned into which; `wire/convert/` has one crossing a pair. Tables only. */
import type { Protocol } from '#base/protocols.ts';
import { chatOverMessages } from '#wire/convert/chat-over-messages.ts';
import type { Crossing } from '#wire/convert/crossing.ts';
import { messagesOverChat } from '#wire/convert/messages-over-chat.ts';

/** In the order in which they are tried where a group has no account that speaks the client's protocol. */
const CROSSINGS: readonly Crossing[] = [messagesOverChat, chatOverMessages];

/** The client's protocol, and behind it those that can stand in for it. */
export function servedBy(client: Protocol): readonly Protocol[] {
  return [client, ...CROSSINGS.filter((crossing) => crossing.client === client).map(({ upstream }) => upstream)];
}

/** Null: the upstream speaks the client's protocol. */
export function findCrossing(client: Protocol, upstream: Protocol): Crossing | null {
  return CROSSINGS.find((crossing) => crossing.client === client && crossing.upstream === upstream) ?? null;
}
