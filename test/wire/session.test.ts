import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '#wire/facts.ts';
import { prefixOf, sessionOf } from '#wire/session.ts';

const ID = '0b1f7a52-9c1e-4a3f-8d5e-2f6f5c1a9b10';
const sessionBy = (userId: string | null, forwarded: string[] = []): string | null =>
  sessionOf(forwarded, { ...NO_FACTS, userId });

test('Claude Code names its session in both forms of metadata.user_id', () => {
  assert.equal(sessionBy(JSON.stringify({ device_id: 'ab', account_uuid: '', session_id: ID })), ID);
  assert.equal(sessionBy(`user_${'ab'.repeat(32)}_account__session_${ID}`), ID);
  assert.equal(sessionBy(`user_${'ab'.repeat(32)}_account_${ID}_session_${ID}`), ID);
});

test('any other user id stands for its user, whatever it is', () => {
  assert.equal(sessionBy('alice'), 'alice');
  assert.equal(sessionBy('{"session_id":7}'), '{"session_id":7}');
  assert.equal(sessionBy('{broken'), '{broken');
  assert.equal(sessionBy('null'), 'null');
  assert.equal(sessionBy(''), null);
});

test('headers of every age of Codex and Claude Code name it, with dashes or underscores', () => {
  for (const name of ['x-claude-code-session-id', 'thread-id', 'session-id', 'session_id', 'conversation_id']) {
    assert.equal(sessionBy(null, ['accept', '*/*', name, ID]), ID, name);
  }
  assert.equal(sessionBy(null, ['accept', 'session_id']), null, 'a value is no name');
});

test('the cache key of the body goes before everything else', () => {
  const facts = { ...NO_FACTS, cacheKey: 'k', userId: 'u' };
  assert.equal(sessionOf(['session_id', 's'], facts), 'k');
});

test('the beginning of a conversation is the same in all its turns', () => {
  const bytes = Buffer.from('sys|first question|second');
  const turn = (messages: number[]) => ({
    ...NO_FACTS,
    systemSpans: Int32Array.from([0, 3]),
    messageSpans: Int32Array.from(messages),
  });
  assert.equal(prefixOf(bytes, turn([4, 18])), 'sysfirst question');
  assert.equal(prefixOf(bytes, turn([4, 18, 19, 25])), 'sysfirst question');
  assert.equal(prefixOf(bytes, NO_FACTS), null);
});
