/** Gemini clients over a Chat upstream. */
import { chatToGeminiAnswer } from './chat-to-gemini-answer.ts';
import { ChatToGeminiStream } from './chat-to-gemini-stream.ts';
import type { Crossing } from './crossing.ts';
import { geminiErrorOfChat } from './gemini-errors.ts';
import { geminiToChatRequest } from './gemini-to-chat-request.ts';

export const geminiOverChat: Crossing = {
  client: 'gemini',
  upstream: 'chat',
  request: geminiToChatRequest,
  answer: chatToGeminiAnswer,
  stream: (context) => new ChatToGeminiStream(context),
  error: (status, body) => geminiErrorOfChat(status, body),
};
