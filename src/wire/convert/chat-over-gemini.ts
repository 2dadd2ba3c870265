/** Chat clients over a Gemini upstream. */
import { chatToGeminiRequest } from './chat-to-gemini-request.ts';
import type { Crossing } from './crossing.ts';
import { chatErrorOfGemini } from './gemini-errors.ts';
import { geminiToChatAnswer } from './gemini-to-chat-answer.ts';
import { GeminiToChatStream } from './gemini-to-chat-stream.ts';

export const chatOverGemini: Crossing = {
  client: 'chat',
  upstream: 'gemini',
  request: chatToGeminiRequest,
  answer: geminiToChatAnswer,
  stream: (context) => new GeminiToChatStream(context),
  error: (status, body) => chatErrorOfGemini(status, body),
};
