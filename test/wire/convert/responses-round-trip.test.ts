import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { Crossing, JsonObject, RequestContext } from '#wire/convert/crossing.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { chatAnswer, messagesAnswer, responsesAnswer } from './generated-answers.ts';
import { chatRequest, messagesRequest, responsesRequest } from './generated-requests.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';

const ROUNDS = 600;
const CONTEXT: RequestContext = { model: 'm', stream: false, maxTokensDefault: 4_096 };

/** What `body` asks for behind two crossings; nothing may be refused or dropped but the names in `mayDrop`. */
function thereAndBack(there: Crossing, back: Crossing, body: JsonObject, mayDrop: readonly string[]): JsonObject {
  const first = there.request(body, CONTEXT);
  assert.equal(first.unsupported, null, JSON.stringify([first.unsupported, body]));
  const second = back.request(first.body!, CONTEXT);
  assert.equal(second.unsupported, null, JSON.stringify([second.unsupported, first.body]));
  for (const name of [...first.dropped, ...second.dropped]) assert.ok(mayDrop.includes(name), name);
  return second.body!;
}

function held(name: string, check: (random: () => number, seed: number) => void): void {
  test(name, () => {
    for (let seed = 1; seed <= ROUNDS; seed++) check(seededRandom(seed), seed);
  });
}

held('a Messages request that went through Responses asks for the same', (random, seed) => {
  const body = messagesRequest(random);
  const back = thereAndBack(messagesOverResponses, responsesOverMessages, body, ['text.format.name']);
  assert.deepEqual(back, body, `seed ${seed}`);
});

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
  const expected: JsonObject = { max_output_tokens: CONTEXT.maxTokensDefault, ...body };
  const reasoning = body['reasoning'] as JsonObject | undefined;
  if (reasoning !== undefined && reasoning['effort'] !== 'none')
    expected['reasoning'] = { ...reasoning, summary: 'auto' };
  return expected;
}

held('a Chat request that went through Responses asks for the same', (random, seed) => {
  const body = chatRequest(random);
  assert.deepEqual(thereAndBack(chatOverResponses, responsesOverChat, body, []), body, `seed ${seed}`);
});

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

held('a Messages answer that went through Responses says the same', (random, seed) => {
  const answer = messagesAnswer(random);
  const back = messagesOverResponses.answer(responsesOverMessages.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  const content = (answer['content'] as JsonObject[]).map((block) =>
    block['type'] === 'thinking' ? { ...block, signature: '' } : block,
  );
  assert.deepEqual(back, { ...answer, content, model: 'client-model' }, `seed ${seed}`);
});

held('a Responses answer that went through Messages says the same', (random, seed) => {
  const answer = responsesAnswer(random);
  const back = responsesOverMessages.answer(messagesOverResponses.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  assert.deepEqual(meaningOf(back), meaningOf(answer), `seed ${seed}`);
});

held('a Chat answer that went through Responses says the same', (random, seed) => {
  const answer = chatAnswer(random);
  const back = chatOverResponses.answer(responsesOverChat.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  const created = ANSWER_CONTEXT.createdAtSeconds;
  assert.deepEqual(back, { ...answer, created, model: 'client-model' }, `seed ${seed}`);
});

held('a Responses answer that went through Chat says the same', (random, seed) => {
  const answer = responsesAnswer(random);
  const back = responsesOverChat.answer(chatOverResponses.answer(answer, ANSWER_CONTEXT), ANSWER_CONTEXT);
  assert.deepEqual(saidIn(back), saidIn(answer), `seed ${seed}`);
});

/** What an answer's items say, without ids and without what says how a part was cut. */
function meaningOf(answer: JsonObject): JsonObject {
  const items = (answer['output'] as JsonObject[]).map((item) => {
    if (item['type'] === 'reasoning') return { reasoning: summaryOf(item) };
    const { id: _, status: __, ...rest } = item;
    return rest;
  });
  return { status: answer['status'], details: answer['incomplete_details'], usage: answer['usage'], items };
}

function summaryOf(item: JsonObject): string {
  return (item['summary'] as { text: string }[]).map(({ text }) => text).join('\n\n');
}

/** As `meaningOf`, with the parts of a message in a row: Chat has one text. */
function saidIn(answer: JsonObject): JsonObject {
  const meaning = meaningOf(answer);
  const items = (meaning['items'] as JsonObject[]).map((item) => {
    if (item['type'] !== 'message') return item;
    return { text: (item['content'] as { text: string }[]).map(({ text }) => text).join('') };
  });
  return { ...meaning, items };
}
