/** Clients of Responses, served by an upstream of Messages. */
import type { Crossing } from './crossing.ts';
import { openAiErrorBody, openAiOfMessages } from './error-kinds.ts';
import { messagesToResponsesAnswer } from './messages-to-responses-answer.ts';
import { MessagesToResponsesStream } from './messages-to-responses-stream.ts';
import { responsesToMessagesRequest } from './responses-to-messages-request.ts';

export const responsesOverMessages: Crossing = Object.freeze({
  client: 'responses',
  upstream: 'messages',
  request: responsesToMessagesRequest,
  answer: messagesToResponsesAnswer,
  stream: (context) => new MessagesToResponsesStream(context),
  error: (status, body) => openAiErrorBody(openAiOfMessages(status, body)),
} satisfies Crossing);
