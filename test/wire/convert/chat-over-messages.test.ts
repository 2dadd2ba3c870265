/** Whole crossings, both ways: what comes back after a → b → a, as requests, answers and streams, and what hostile upstreams do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverMessages } from '#wire/convert/chat-over-messages.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverChat } from '#wire/convert/messages-over-chat.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { assembleChat } from './messages-chat-assembly.ts';
import { DocumentGenerator } from './messages-chat-generator.ts';
import { chatEvents, messagesEvents } from './messages-chat-streams.ts';
import { mutated } from './mutate-json.ts';
import { convertAll, readEvents } from './read-events.ts';

const REQUEST = { model: 'm', stream: false, maxTokensDefault: 1 };
const ANSWER = { requestId: 'req-1', model: 'm', createdAtSeconds: 7, includeUsage: true };
const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

/** An assembled answer in the form of a JSON one: the SDK adds what it parsed, and a first piece of text that is empty stays ''. */
function asAnswer(assembled: JsonObject): JsonObject {
  const choice = (assembled['choices'] as JsonObject[])[0]!;
  const message = choice['message'] as JsonObject;
  delete message['parsed'];
  message['content'] ||= null;
  message['refusal'] ??= null;
  return assembled;
}

test('it says whom it joins', () => {
  assert.equal(chatOverMessages.client, 'chat');
  assert.equal(chatOverMessages.upstream, 'messages');
});

test('a request of the common subset comes back from Messages as it was', () => {
  for (const seed of SEEDS) {
    const body = new DocumentGenerator(seededRandom(seed)).chatRequest();
    const there = chatOverMessages.request(body, REQUEST);
    assert.deepEqual([there.unsupported, there.dropped], [null, []], `seed ${seed}`);
    const back = messagesOverChat.request(there.body!, REQUEST);
    assert.deepEqual([back.unsupported, back.dropped], [null, []], `seed ${seed}`);
    assert.deepEqual(back.body, body, `seed ${seed}`);
  }
});

test('an answer comes back from Messages as it was, a refusal as what was said', () => {
  for (const seed of SEEDS) {
    const answer = new DocumentGenerator(seededRandom(seed)).chatAnswer();
    const back = chatOverMessages.answer(messagesOverChat.answer(answer, ANSWER), ANSWER);
    assert.deepEqual(back, withRefusalSaid(answer), `seed ${seed}`);
  }
});

/** Messages has no place for the words of a refusal that its older clients read, so they are its text too. */
function withRefusalSaid(answer: JsonObject): JsonObject {
  const copy = structuredClone(answer);
  const message = (copy['choices'] as JsonObject[])[0]!['message'] as JsonObject;
  message['content'] ??= message['refusal'];
  return copy;
}

test('what the SDK assembles of a stream is the answer as JSON, however it was cut', async () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const answer = new DocumentGenerator(random).messagesAnswer();
    const text = convertAll(chatOverMessages.stream(ANSWER), messagesEvents(answer, random));
    assert.deepEqual(asAnswer(await assembleChat(text)), chatOverMessages.answer(answer, ANSWER), `seed ${seed}`);
  }
});

test('a stream comes back from Messages as the answer that it was', async () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const answer = new DocumentGenerator(random).chatAnswer();
    const messages = convertAll(messagesOverChat.stream(ANSWER), chatEvents(answer, random));
    const events = readEvents(messages).map(({ data }) => data as JsonObject);
    const back = asAnswer(await assembleChat(convertAll(chatOverMessages.stream(ANSWER), events)));
    assert.deepEqual(back, withRefusalSaid(answer), `seed ${seed}`);
  }
});

test('hostile streams never throw, are whole events, and end only when the upstream did', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const answer = new DocumentGenerator(random).messagesAnswer();
    const events = messagesEvents(answer, random).map((event) => mutated(event, random, 6));
    const text = convertAll(chatOverMessages.stream(ANSWER), events);
    const stopped = events.some(({ type }) => type === 'message_stop');
    if (!stopped) assert.ok(!text.includes('\ndata: [DONE]') && !text.includes('"finish_reason":"'), `seed ${seed}`);
    for (const { name } of readEvents(text)) assert.equal(name, '');
  }
});

test('hostile requests, answers and errors never throw', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const documents = new DocumentGenerator(random);
    const { body, unsupported } = chatOverMessages.request(mutated(documents.chatRequest(), random, 12), REQUEST);
    assert.equal(body === null, unsupported !== null);
    const answer = chatOverMessages.answer(mutated(documents.messagesAnswer(), random, 6), ANSWER);
    assert.equal((answer['choices'] as unknown[]).length, 1);
    const error = { type: 'error', error: { message: 'm', type: 't' } };
    assert.ok('error' in chatOverMessages.error(500, mutated(error, random, 2), ANSWER));
  }
});
