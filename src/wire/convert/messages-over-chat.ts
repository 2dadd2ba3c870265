/** Clients that speak Anthropic Messages, served by an upstream that speaks OpenAI Chat Completions. Pure; runs on front threads. */
import { chatToMessagesAnswer } from './chat-to-messages-answer.ts';
import { ChatToMessagesStream } from './chat-to-messages-stream.ts';
import type { Crossing } from './crossing.ts';
import { messagesOfOpenAi } from './error-kinds.ts';
import { messagesToChatRequest } from './messages-to-chat-request.ts';

export const messagesOverChat: Crossing = Object.freeze({
  client: 'messages',
  upstream: 'chat',
  request: messagesToChatRequest,
  answer: chatToMessagesAnswer,
  stream: (context) => new ChatToMessagesStream(context),
  error: (status, body, context) => messagesOfOpenAi(status, body, context.requestId),
} satisfies Crossing);
