import assert from 'node:assert/strict';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { messagesAnswer, responsesAnswer } from './generated-answers.ts';
import { responsesRequest } from './generated-requests.ts';
import { EVEN, MESSAGES_ANSWER, testGolden } from './golden-crossing.ts';
import { RESPONSES_END, testHostile } from './hostile-crossing.ts';
import { held, meaningOf, REQUEST_CONTEXT, thereAndBack } from './round-trip.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';
import { messagesEvents } from './upstream-events.ts';

held('a Responses request that went through Messages asks for the same', (random, seed) => {
  const body = responsesRequest(random, { forChat: false });
  const back = thereAndBack(responsesOverMessages, messagesOverResponses, body, [
    'text.format.name',
    'reasoning.effort',
  ]);
  assert.deepEqual(back, expectedOverMessages(body), `seed ${seed}`);
});

/** Messages cannot leave its limit out, and shows thinking unless it is told not to. */
function expectedOverMessages(body: JsonObject): JsonObject {
  const expected: JsonObject = { max_output_tokens: REQUEST_CONTEXT.maxTokensDefault, ...body };
  const reasoning = body['reasoning'] as JsonObject | undefined;
  if (reasoning !== undefined && reasoning['effort'] !== 'none')
    expected['reasoning'] = { ...reasoning, summary: 'auto' };
  return expected;
}

held('a Responses answer that went through Messages says the same', (random, seed) => {
  const answer = responsesAnswer(random);
  const back = responsesOverMessages.answer(messagesOverResponses.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  assert.deepEqual(meaningOf(back), meaningOf(answer), `seed ${seed}`);
});

testGolden(responsesOverMessages, MESSAGES_ANSWER, messagesEvents(MESSAGES_ANSWER, EVEN));
testHostile({
  crossing: responsesOverMessages,
  request: (random) => responsesRequest(random, { forChat: false }),
  answer: messagesAnswer,
  events: messagesEvents,
  terminal: RESPONSES_END,
});
