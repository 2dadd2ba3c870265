import assert from 'node:assert/strict';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { chatAnswer, responsesAnswer } from './generated-answers.ts';
import { responsesRequest } from './generated-requests.ts';
import { CHAT_ANSWER, EVEN, testGolden } from './golden-crossing.ts';
import { RESPONSES_END, testHostile } from './hostile-crossing.ts';
import { held, saidIn, thereAndBack } from './round-trip.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';
import { chatChunks } from './upstream-events.ts';

held('a Responses request that went through Chat asks for the same', (random, seed) => {
  const body = responsesRequest(random, { forChat: true });
  const { instructions, ...expected } = body;
  const back = thereAndBack(responsesOverChat, chatOverResponses, body, []);
  if (instructions !== undefined) {
    const system = { type: 'message', role: 'system', content: [{ type: 'input_text', text: instructions }] };
    expected['input'] = [system, ...(body['input'] as JsonObject[])];
  }
  assert.deepEqual(back, expected, `seed ${seed}`);
});

held('a Responses answer that went through Chat says the same', (random, seed) => {
  const answer = responsesAnswer(random);
  const back = responsesOverChat.answer(chatOverResponses.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  assert.deepEqual(saidIn(back), saidIn(answer), `seed ${seed}`);
});

testGolden(responsesOverChat, CHAT_ANSWER, chatChunks(CHAT_ANSWER, EVEN));
testHostile({
  crossing: responsesOverChat,
  request: (random) => responsesRequest(random, { forChat: true }),
  answer: chatAnswer,
  events: chatChunks,
  terminal: RESPONSES_END,
});
