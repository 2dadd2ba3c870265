/** Which protocols are turned into which; `wire/convert/` has one crossing a pair. Tables only. */
import type { Protocol } from '#base/protocols.ts';
import { chatOverGemini } from '#wire/convert/chat-over-gemini.ts';
import { chatOverMessages } from '#wire/convert/chat-over-messages.ts';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { Crossing } from '#wire/convert/crossing.ts';
import { geminiOverChat } from '#wire/convert/gemini-over-chat.ts';
import { geminiOverMessages } from '#wire/convert/gemini-over-messages.ts';
import { messagesOverChat } from '#wire/convert/messages-over-chat.ts';
import { messagesOverGemini } from '#wire/convert/messages-over-gemini.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';

/** In the order in which they are tried where a group has no account that speaks the client's protocol. */
export const CROSSINGS: readonly Crossing[] = [
  messagesOverResponses,
  messagesOverChat,
  messagesOverGemini,
  chatOverResponses,
  chatOverMessages,
  chatOverGemini,
  responsesOverMessages,
  responsesOverChat,
  geminiOverMessages,
  geminiOverChat,
];

/** The client's protocol, and behind it those that can stand in for it. */
export function servedBy(client: Protocol): readonly Protocol[] {
  return [client, ...CROSSINGS.filter((crossing) => crossing.client === client).map(({ upstream }) => upstream)];
}

/** Null: the upstream speaks the client's protocol. */
export function findCrossing(client: Protocol, upstream: Protocol): Crossing | null {
  return CROSSINGS.find((crossing) => crossing.client === client && crossing.upstream === upstream) ?? null;
}
