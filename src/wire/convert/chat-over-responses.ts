/** Clients of Chat Completions, served by an upstream of Responses. */
import { chatToResponsesRequest } from './chat-to-responses-request.ts';
import type { Crossing } from './crossing.ts';
import { openAiErrorBody, openAiOfOpenAi } from './error-kinds.ts';
import { responsesToChatAnswer } from './responses-to-chat-answer.ts';
import { ResponsesToChatStream } from './responses-to-chat-stream.ts';

export const chatOverResponses: Crossing = Object.freeze({
  client: 'chat',
  upstream: 'responses',
  request: chatToResponsesRequest,
  answer: responsesToChatAnswer,
  stream: (context) => new ResponsesToChatStream(context),
  error: (status, body) => openAiErrorBody(openAiOfOpenAi(status, body)),
} satisfies Crossing);
