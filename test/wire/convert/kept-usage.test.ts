import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverGemini } from '#wire/convert/chat-over-gemini.ts';
import { chatOverMessages } from '#wire/convert/chat-over-messages.ts';
import type { Crossing, JsonObject } from '#wire/convert/crossing.ts';
import { geminiOverChat } from '#wire/convert/gemini-over-chat.ts';
import { geminiOverMessages } from '#wire/convert/gemini-over-messages.ts';
import { KeptUsage } from '#wire/convert/kept-usage.ts';
import { messagesOverGemini } from '#wire/convert/messages-over-gemini.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { ANSWER_CONTEXT } from './run-stream.ts';

test('of each field that is read the last value that is not null is kept', () => {
  const usage = new KeptUsage(['a', 'b', 'c']);
  for (const said of [{ a: 1, b: { x: 1 }, d: 4 }, null, 'no', { a: 2, b: null }, { b: { x: 'abcd' } }])
    usage.add(said);
  assert.deepEqual([usage.fields, usage.heldChars], [{ a: 2, b: { x: 'abcd' } }, 8 + 1 + 8 + 4]);
  usage.add({ b: 5 });
  assert.deepEqual([usage.fields, usage.heldChars], [{ a: 2, b: 5 }, 0]);
});

const USAGE: readonly (readonly [Crossing, (usage: JsonObject) => JsonObject])[] = [
  [chatOverGemini, (usage) => ({ usageMetadata: usage })],
  [messagesOverGemini, (usage) => ({ usageMetadata: usage })],
  [geminiOverChat, (usage) => ({ usage })],
  [geminiOverMessages, (usage) => ({ type: 'message_delta', usage })],
  [chatOverMessages, (usage) => ({ type: 'message_delta', usage })],
  [responsesOverMessages, (usage) => ({ type: 'message_delta', usage })],
];

for (const [crossing, event] of USAGE) {
  test(`${crossing.client} over ${crossing.upstream}: of usage only what is read is kept, and told where it is no number`, () => {
    const converter = crossing.stream(ANSWER_CONTEXT);
    for (let i = 0; i < 1_000; i++) converter.event('', event({ [`unknown_${i}`]: 'x'.repeat(100) }));
    const before = converter.heldChars;
    assert.ok(before < 1_000);
    const long = 'x'.repeat(10_000);
    const name = crossing.upstream === 'gemini' ? 'promptTokenCount' : null;
    for (let i = 0; i < 3; i++) {
      converter.event('', event({ [name ?? (crossing.upstream === 'chat' ? 'prompt_tokens' : 'input_tokens')]: long }));
    }
    assert.equal(converter.heldChars - before, 10_008);
  });
}
