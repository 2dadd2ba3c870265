import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as operations from '#edge/operations.ts';
import { AnthropicTap } from '#meter/anthropic-tap.ts';
import { ChatTap } from '#meter/chat-tap.ts';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';

const ALL = Object.values(operations).filter(
  (each): each is operations.Operation => typeof each === 'object' && 'servedBy' in each,
);

test('every operation is served by its own protocol first, and each name is there once', () => {
  assert.ok(ALL.length >= 13);
  assert.equal(new Set(ALL.map(({ name }) => name)).size, ALL.length);
  for (const { name, protocol, servedBy } of ALL) assert.equal(servedBy[0], protocol, name);
});

test('what generates is billed; what counts or belongs to an account is not', () => {
  for (const { name, generates, billed, counts, owned, shape, streams, media } of ALL) {
    if (generates) assert.ok(billed && shape !== null, name);
    if (counts || owned) assert.ok(!billed && streams === 'never', name);
    // A job streams its progress and makes no text.
    if (streams !== 'never') assert.ok(generates || media === 'job', name);
  }
});

test('answers are read by the tap of the protocol that the upstream speaks', () => {
  assert.equal(operations.tapMaker(operations.CHAT, 'messages'), AnthropicTap);
  for (const protocol of ['chat', 'completions', 'embeddings'] as const)
    assert.equal(operations.tapMaker(operations.CHAT, protocol), ChatTap);
  assert.equal(operations.tapMaker(operations.CHAT, 'responses'), ResponsesTap);
  assert.equal(operations.tapMaker(operations.CHAT, 'gemini'), GeminiTap);
});
