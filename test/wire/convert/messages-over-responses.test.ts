import assert from 'node:assert/strict';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { messagesAnswer, responsesAnswer } from './generated-answers.ts';
import { messagesRequest } from './generated-requests.ts';
import { EVEN, RESPONSES_ANSWER, testGolden } from './golden-crossing.ts';
import { testHostile } from './hostile-crossing.ts';
import { held, thereAndBack } from './round-trip.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';
import { responsesEvents } from './upstream-events.ts';

held('a Messages request that went through Responses asks for the same', (random, seed) => {
  const body = messagesRequest(random);
  const back = thereAndBack(messagesOverResponses, responsesOverMessages, body, ['text.format.name']);
  assert.deepEqual(back, body, `seed ${seed}`);
});

held('a Messages answer that went through Responses says the same', (random, seed) => {
  const answer = messagesAnswer(random);
  const back = messagesOverResponses.answer(responsesOverMessages.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  const content = (answer['content'] as JsonObject[]).map((block) =>
    block['type'] === 'thinking' ? { ...block, signature: 'penstock-unsigned' } : block,
  );
  assert.deepEqual(back, { ...answer, content, model: 'client-model' }, `seed ${seed}`);
});

testGolden(messagesOverResponses, RESPONSES_ANSWER, responsesEvents(RESPONSES_ANSWER, EVEN));
testHostile({
  crossing: messagesOverResponses,
  request: messagesRequest,
  answer: responsesAnswer,
  events: responsesEvents,
  terminal: /message_stop/,
});
