/** Gemini clients over a Messages upstream. */
import type { Crossing } from './crossing.ts';
import { geminiErrorOfMessages } from './gemini-errors.ts';
import { geminiToMessagesRequest } from './gemini-to-messages-request.ts';
import { messagesToGeminiAnswer } from './messages-to-gemini-answer.ts';
import { MessagesToGeminiStream } from './messages-to-gemini-stream.ts';

export const geminiOverMessages: Crossing = {
  client: 'gemini',
  upstream: 'messages',
  request: geminiToMessagesRequest,
  answer: messagesToGeminiAnswer,
  stream: (context) => new MessagesToGeminiStream(context),
  error: (status, body) => geminiErrorOfMessages(status, body),
};
