/** Whole crossings, both ways: what comes back after a → b → a, as requests, answers and streams, and what hostile upstreams do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverMessages } from '#wire/convert/chat-over-messages.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverChat } from '#wire/convert/messages-over-chat.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { assembleMessages } from './messages-chat-assembly.ts';
import { DocumentGenerator } from './messages-chat-generator.ts';
import { chatEvents, messagesEvents } from './messages-chat-streams.ts';
import { mutated } from './mutate-json.ts';
import { convertAll, readEvents } from './read-events.ts';

const REQUEST = { model: 'm', stream: false, maxTokensDefault: 1 };
const ANSWER = { requestId: 'req-1', model: 'm', createdAtSeconds: 7, includeUsage: true };
const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

test('it says whom it joins', () => {
  assert.equal(messagesOverChat.client, 'messages');
  assert.equal(messagesOverChat.upstream, 'chat');
});

test('a request of the common subset comes back from Chat as it was', () => {
  for (const seed of SEEDS) {
    const body = new DocumentGenerator(seededRandom(seed)).messagesRequest();
    const there = messagesOverChat.request(body, REQUEST);
    assert.deepEqual([there.unsupported, there.dropped], [null, []], `seed ${seed}`);
    const back = chatOverMessages.request(there.body!, REQUEST);
    assert.deepEqual([back.unsupported, back.dropped], [null, []], `seed ${seed}`);
    assert.deepEqual(back.body, body, `seed ${seed}`);
  }
});

test('an answer comes back from Chat as it was', () => {
  for (const seed of SEEDS) {
    const answer = new DocumentGenerator(seededRandom(seed)).messagesAnswer();
    const back = messagesOverChat.answer(chatOverMessages.answer(answer, ANSWER), ANSWER);
    assert.deepEqual(back, answer, `seed ${seed}`);
  }
});

test('what the SDK assembles of a stream is the answer as JSON, however it was cut and interleaved', async () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const answer = new DocumentGenerator(random).chatAnswer();
    const text = convertAll(messagesOverChat.stream(ANSWER), chatEvents(answer, random));
    const { parsed_output, ...assembled } = await assembleMessages(text);
    assert.deepEqual(assembled, JSON.parse(JSON.stringify(messagesOverChat.answer(answer, ANSWER))), `seed ${seed}`);
  }
});

test('a stream comes back from Chat as the answer that it was', async () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const answer = new DocumentGenerator(random).messagesAnswer();
    const chat = convertAll(chatOverMessages.stream(ANSWER), messagesEvents(answer, random));
    const chunks = readEvents(chat).flatMap(({ data }) => (data === '[DONE]' ? [] : [data]));
    const { parsed_output, ...assembled } = await assembleMessages(convertAll(messagesOverChat.stream(ANSWER), chunks));
    assert.deepEqual(assembled, answer, `seed ${seed}`);
  }
});

test('the events of a stream are in the order that Messages promises', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const events = readEvents(
      convertAll(messagesOverChat.stream(ANSWER), chatEvents(new DocumentGenerator(random).chatAnswer(), random)),
    );
    const names = events.map(({ name }) => name.replace('content_block_', '')).join(' ');
    assert.match(names, /^message_start( start( delta)*( stop))* message_delta message_stop$/, `seed ${seed}`);
    const starts = events.filter(({ name }) => name === 'content_block_start');
    assert.deepEqual(
      starts.map(({ data }) => (data as JsonObject)['index']),
      starts.map((_, index) => index),
    );
  }
});

test('hostile streams never throw, are whole events, and end only when the upstream said why', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const events = chatEvents(new DocumentGenerator(random).chatAnswer(), random).map((event) =>
      mutated(event, random, 6),
    );
    const reasons = events.flatMap(({ choices }) =>
      Array.isArray(choices) ? choices.map((c) => c?.finish_reason) : [],
    );
    const names = readEvents(convertAll(messagesOverChat.stream(ANSWER), events)).map(({ name }) => name);
    const mayEnd = reasons.some((reason) => typeof reason === 'string' && reason !== '');
    if (!mayEnd) assert.ok(!names.includes('message_stop') && !names.includes('message_delta'), `seed ${seed}`);
    assert.ok(names.length === 0 || names[0] === 'message_start' || names[0] === 'error', `seed ${seed}`);
    assert.ok(names.filter((name) => name === 'message_stop' || name === 'error').length <= 1, `seed ${seed}`);
  }
});

test('hostile requests, answers and errors never throw', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const documents = new DocumentGenerator(random);
    const { body, unsupported } = messagesOverChat.request(mutated(documents.messagesRequest(), random, 12), REQUEST);
    assert.equal(body === null, unsupported !== null);
    const answer = messagesOverChat.answer(mutated(documents.chatAnswer(), random, 6), ANSWER);
    assert.ok(Array.isArray(answer['content']) && typeof answer['stop_reason'] === 'string');
    const error = { error: { message: 'm', type: 't', code: 'c' } };
    assert.equal(messagesOverChat.error(500, mutated(error, random, 2), ANSWER)['type'], 'error');
  }
});
