import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverGemini } from '#wire/convert/chat-over-gemini.ts';
import type { Crossing, JsonObject } from '#wire/convert/crossing.ts';
import { geminiOverChat } from '#wire/convert/gemini-over-chat.ts';
import { geminiOverMessages } from '#wire/convert/gemini-over-messages.ts';
import { messagesOverGemini } from '#wire/convert/messages-over-gemini.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import {
  ANSWER,
  chunk,
  type GeminiAnswer,
  joinedChunks,
  parseEvents,
  streamed,
  streamText,
  turned,
} from './gemini-crossing-rig.ts';
import { answerParts, request, usage } from './gemini-generators.ts';

const PAIRS: readonly [string, Crossing, Crossing][] = [
  ['Messages', geminiOverMessages, messagesOverGemini],
  ['Chat', geminiOverChat, chatOverGemini],
];

/** Signatures that the way there and the way back add to calls of another model. */
function withoutSignatures(body: JsonObject): JsonObject {
  const copy = structuredClone(body);
  for (const content of copy['contents'] as JsonObject[]) {
    for (const part of content['parts'] as JsonObject[]) delete part['thoughtSignature'];
  }
  return copy;
}

function joinedUnsigned(chunks: readonly JsonObject[]): GeminiAnswer {
  const answer = joinedChunks(chunks);
  for (const part of answer.parts) delete part['thoughtSignature'];
  return answer;
}

for (const [name, there, back] of PAIRS) {
  test(`a request of the common part means the same after going to ${name} and back`, () => {
    for (let seed = 1; seed <= 500; seed++) {
      const body = request(seededRandom(seed));
      const returned = turned(back, turned(there, body));
      assert.deepEqual(withoutSignatures(returned), body, `seed ${seed}`);
    }
  });

  test(`a JSON answer says the same after going to ${name} and back`, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const parts = answerParts(random);
      const finishReason = ['STOP', 'MAX_TOKENS', 'SAFETY'][seed % 3]!;
      const answer = chunk(parts, { usageMetadata: usage(random), responseId: 'r' }, finishReason);
      const returned = there.answer(back.answer(answer, ANSWER), ANSWER);
      assert.deepEqual(
        joinedUnsigned([returned]),
        joinedChunks([chunk([...parts, { text: '' }], { usageMetadata: answer['usageMetadata'] }, finishReason)]),
        `seed ${seed}`,
      );
    }
  });

  test(`a stream says the same after going to ${name} and back, however it was cut into chunks`, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const parts = answerParts(random);
      const chunks: JsonObject[] = [];
      for (let at = 0; at < parts.length; ) {
        const size = 1 + Math.floor(random() * 3);
        chunks.push(chunk(parts.slice(at, at + size)));
        at += size;
      }
      const usageMetadata = usage(random);
      chunks.push(random() < 0.5 ? chunk([], { usageMetadata }, 'STOP') : chunk([], {}, 'STOP'), { usageMetadata });
      const between = parseEvents(streamText(back, chunks)).map(({ data }) => data as JsonObject);
      const returned = streamed(
        there,
        between.filter((data) => typeof data === 'object'),
      );
      const expected = joinedChunks([chunk([...parts, { text: '' }], { usageMetadata }, 'STOP')]);
      assert.deepEqual(joinedUnsigned(returned), expected, `seed ${seed}`);
    }
  });
}
