/** Clients that speak OpenAI Chat Completions, served by an upstream that speaks Anthropic Messages. Pure; runs on front threads. */
import { chatToMessagesRequest } from './chat-to-messages-request.ts';
import type { Crossing } from './crossing.ts';
import { openAiErrorBody, openAiOfMessages } from './error-kinds.ts';
import { messagesToChatAnswer } from './messages-to-chat-answer.ts';
import { MessagesToChatStream } from './messages-to-chat-stream.ts';

export const chatOverMessages: Crossing = Object.freeze({
  client: 'chat',
  upstream: 'messages',
  request: chatToMessagesRequest,
  answer: messagesToChatAnswer,
  stream: (context) => new MessagesToChatStream(context),
  error: (status, body) => openAiErrorBody(openAiOfMessages(status, body)),
} satisfies Crossing);
