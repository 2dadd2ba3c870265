import assert from 'node:assert/strict';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { chatAnswer, responsesAnswer } from './generated-answers.ts';
import { chatRequest } from './generated-requests.ts';
import { EVEN, RESPONSES_ANSWER, testGolden } from './golden-crossing.ts';
import { testHostile } from './hostile-crossing.ts';
import { held, thereAndBack } from './round-trip.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';
import { responsesEvents } from './upstream-events.ts';

held('a Chat request that went through Responses asks for the same', (random, seed) => {
  const body = chatRequest(random);
  assert.deepEqual(thereAndBack(chatOverResponses, responsesOverChat, body, []), body, `seed ${seed}`);
});

held('a Chat answer that went through Responses says the same', (random, seed) => {
  const answer = chatAnswer(random);
  const back = chatOverResponses.answer(responsesOverChat.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  const created = ANSWER_CONTEXT.createdAtSeconds;
  assert.deepEqual(back, { ...answer, created, model: 'client-model' }, `seed ${seed}`);
});

testGolden(chatOverResponses, RESPONSES_ANSWER, responsesEvents(RESPONSES_ANSWER, EVEN));
testHostile({
  crossing: chatOverResponses,
  request: chatRequest,
  answer: responsesAnswer,
  events: responsesEvents,
  terminal: /\[DONE\]|"finish_reason":"/,
});
