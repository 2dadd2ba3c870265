/** Clients of Messages over a Gemini upstream. */
import type { Crossing } from './crossing.ts';
import { messagesErrorOfGemini } from './gemini-errors.ts';
import { geminiToMessagesAnswer } from './gemini-to-messages-answer.ts';
import { GeminiToMessagesStream } from './gemini-to-messages-stream.ts';
import { messagesToGeminiRequest } from './messages-to-gemini-request.ts';

export const messagesOverGemini: Crossing = {
  client: 'messages',
  upstream: 'gemini',
  request: messagesToGeminiRequest,
  answer: geminiToMessagesAnswer,
  stream: (context) => new GeminiToMessagesStream(context),
  error: (status, body, context) => messagesErrorOfGemini(status, body, context.requestId),
};
