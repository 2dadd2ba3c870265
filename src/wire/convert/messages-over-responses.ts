/** Clients of Messages, served by an upstream of Responses. */
import type { Crossing } from './crossing.ts';
import { messagesOfOpenAi } from './error-kinds.ts';
import { messagesToResponsesRequest } from './messages-to-responses-request.ts';
import { responsesToMessagesAnswer } from './responses-to-messages-answer.ts';
import { ResponsesToMessagesStream } from './responses-to-messages-stream.ts';

export const messagesOverResponses: Crossing = Object.freeze({
  client: 'messages',
  upstream: 'responses',
  request: messagesToResponsesRequest,
  answer: responsesToMessagesAnswer,
  stream: (context) => new ResponsesToMessagesStream(context),
  error: (status, body, { requestId }) => messagesOfOpenAi(status, body, requestId),
} satisfies Crossing);
