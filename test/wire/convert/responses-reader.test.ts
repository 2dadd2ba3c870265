import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { assembleChat, assembleMessages } from './assemble-stream.ts';
import { responsesAnswer } from './generated-answers.ts';
import { ANSWER_CONTEXT, dataOf, runStream } from './run-stream.ts';
import { responsesEvents } from './upstream-events.ts';

const ROUNDS = 150;

test('Responses → Messages: the SDK assembles the stream into what the JSON answer says', async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seededRandom(seed);
    const answer = responsesAnswer(random);
    const text = runStream(messagesOverResponses, responsesEvents(answer, random));
    const { parsed_output: _, ...assembled } = await assembleMessages(text);
    assert.deepEqual(assembled, messagesOverResponses.answer(answer, ANSWER_CONTEXT), `seed ${seed}`);
  }
});

test('Responses → Chat: the SDK assembles the stream into what the JSON answer says', async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seededRandom(seed);
    const answer = responsesAnswer(random);
    const text = runStream(chatOverResponses, responsesEvents(answer, random));
    const whole = chatOverResponses.answer(answer, ANSWER_CONTEXT);
    assert.deepEqual(comparable(await assembleChat(text)), comparable(whole), `seed ${seed}`);
    assert.equal(reasoningIn(text), messageOf(whole)['reasoning_content'] ?? '', `seed ${seed}`);
  }
});

/** Without what the SDK adds where it assembles chunks, and without the reasoning, of which it keeps the last piece alone. */
function comparable(completion: JsonObject): JsonObject {
  const [choice] = completion['choices'] as [JsonObject];
  const { parsed: _, reasoning_content: __, ...message } = messageOf(completion);
  const calls = (message['tool_calls'] as { function: JsonObject }[] | undefined) ?? [];
  if (message['content'] === '') message['content'] = null;
  for (const call of calls) delete call.function['parsed_arguments'];
  return { ...completion, choices: [{ ...choice, message }] };
}

function messageOf(completion: JsonObject): JsonObject {
  return (completion['choices'] as [{ message: JsonObject }])[0].message;
}

function reasoningIn(text: string): string {
  const deltas = dataOf(text).map((data) => (data as { choices?: { delta: JsonObject }[] }).choices?.[0]?.delta);
  return deltas.map((delta) => delta?.['reasoning_content'] ?? '').join('');
}
