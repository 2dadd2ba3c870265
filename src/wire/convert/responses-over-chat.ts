/** Clients of Responses, served by an upstream of Chat Completions. */
import { chatToResponsesAnswer } from './chat-to-responses-answer.ts';
import { ChatToResponsesStream } from './chat-to-responses-stream.ts';
import type { Crossing } from './crossing.ts';
import { openAiErrorBody, openAiOfOpenAi } from './error-kinds.ts';
import { responsesToChatRequest } from './responses-to-chat-request.ts';

export const responsesOverChat: Crossing = Object.freeze({
  client: 'responses',
  upstream: 'chat',
  request: responsesToChatRequest,
  answer: chatToResponsesAnswer,
  stream: (context) => new ChatToResponsesStream(context),
  error: (status, body) => openAiErrorBody(openAiOfOpenAi(status, body)),
} satisfies Crossing);
