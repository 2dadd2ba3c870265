import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { leaveCarried } from '#wire/convert/leave-carried.ts';

const own = { type: 'thinking', thinking: 'hm', signature: 'EqQB' };
const carried = { type: 'thinking', thinking: 'hm', signature: 'penstock-unsigned' };
const call = { type: 'tool_use', id: 't', name: 'f', input: {} };
const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'r' }] };
const assistant = (...content: object[]): JsonObject => ({ role: 'assistant', content });

function left(body: JsonObject): { body: JsonObject; dropped: readonly string[] } {
  const copy = structuredClone(body);
  const dropped = leaveCarried(copy);
  return { body: copy, dropped };
}

test('carried thinking goes, the upstream’s own stays, and a message of nothing else goes with it', () => {
  const user = { role: 'user', content: 'q' };
  const body = { model: 'm', messages: [user, assistant(carried), user, assistant(carried, own, call), result] };
  assert.deepEqual(left(body), {
    body: { model: 'm', messages: [user, user, assistant(own, call), result] },
    dropped: ['messages.content.thinking'],
  });
});

test('a turn with calls that lost its thinking goes on without, where thinking has a budget', () => {
  const messages = [assistant(carried, call), result];
  const enabled = { type: 'enabled', budget_tokens: 2_000 };
  const { body, dropped } = left({ thinking: enabled, messages });
  assert.deepEqual([body['thinking'], dropped], [{ type: 'disabled' }, ['messages.content.thinking', 'thinking']]);
  assert.deepEqual(left({ thinking: { type: 'adaptive' }, messages }).body['thinking'], { type: 'adaptive' });
  const earlier = [assistant(carried, call), result, assistant(own, call), result];
  assert.deepEqual(left({ thinking: enabled, messages: earlier }).body['thinking'], enabled);
});

test('carried reasoning items and thought parts go, those of OpenAI and Google stay', () => {
  const item = (encrypted_content: string): object => ({ type: 'reasoning', summary: [], encrypted_content });
  const said = { type: 'message', role: 'user', content: 'q' };
  assert.deepEqual(left({ input: [said, item('penstock-chat-reasoning'), item('gAAAA')] }), {
    body: { input: [said, item('gAAAA')] },
    dropped: ['input.reasoning'],
  });
  const part = (name: string, text: string): object => ({
    thought: true,
    text: 'hm',
    [name]: Buffer.from(text).toString('base64'),
  });
  const model = (...parts: object[]): object => ({ role: 'model', parts });
  const contents = [
    model(part('thoughtSignature', 'penstock-messages-thinking:E'), { text: 'a' }),
    model(part('thought_signature', 'penstock-messages-redacted:E')),
    model(part('thoughtSignature', 'google')),
  ];
  assert.deepEqual(left({ contents }), {
    body: { contents: [model({ text: 'a' }), contents[2]] },
    dropped: ['contents.parts.thought'],
  });
});

test('what carries nothing is left as it is, whatever its shape', () => {
  for (const body of [
    {},
    { input: 'q' },
    { messages: [assistant(own), { role: 'user', content: 'penstock-' }, null, 7, { content: null }] },
    { contents: [{ parts: [] }, {}, 'x'], messages: 5 },
    { messages: [assistant()] },
  ]) {
    assert.deepEqual(left(body as JsonObject), { body, dropped: [] });
  }
});
