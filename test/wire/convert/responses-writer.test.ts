import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { assembleResponses } from './assemble-responses.ts';
import { chatAnswer, messagesAnswer } from './generated-answers.ts';
import { ANSWER_CONTEXT, runStream } from './run-stream.ts';
import { chatChunks, messagesEvents } from './upstream-events.ts';

const ROUNDS = 150;

test('Messages → Responses: the SDK assembles the stream into what the JSON answer says', async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seededRandom(seed);
    const answer = messagesAnswer(random);
    const assembled = await assembleResponses(runStream(responsesOverMessages, messagesEvents(answer, random)));
    assert.deepEqual(assembled, responsesOverMessages.answer(answer, ANSWER_CONTEXT), `seed ${seed}`);
  }
});

test('Chat → Responses: the SDK assembles the stream into what the JSON answer says', async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seededRandom(seed);
    const answer = chatAnswer(random);
    const assembled = await assembleResponses(runStream(responsesOverChat, chatChunks(answer, random)));
    assert.deepEqual(assembled, responsesOverChat.answer(answer, ANSWER_CONTEXT), `seed ${seed}`);
  }
});
