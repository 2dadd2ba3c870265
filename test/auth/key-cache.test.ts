import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeyAnswer, KeyCache, type KeyCacheLimits } from '#auth/key-cache.ts';
import type { Principal } from '#auth/principal.ts';
import { principalOf } from '../support/principal.ts';

const LIMITS: KeyCacheLimits = {
  keyCacheEntries: 3,
  negativeKeyEntries: 2,
  keyTtlMs: 1000,
  negativeTtlMs: 100,
  staleMs: 5000,
  lookupTimeoutMs: 300,
  lookupsPending: 4,
};

function principal(keyHash: string): Principal {
  return principalOf({ keyHash });
}

function open(): { cache: KeyCache; asked: string[]; answers: KeyAnswer[]; note: (answer: KeyAnswer) => void } {
  const asked: string[] = [];
  const answers: KeyAnswer[] = [];
  const cache = new KeyCache(LIMITS, (keyHash) => void asked.push(keyHash));
  return { cache, asked, answers, note: (answer) => void answers.push(answer) };
}

test('a thousand requests with one unknown key ask primary once and all get the answer', () => {
  const { cache, asked, answers, note } = open();
  assert.equal(cache.peek('k', 0), null);
  for (let i = 0; i < 1000; i++) cache.load('k', 0, note);
  assert.deepEqual(asked, ['k']);
  cache.answer('k', principal('k'), 1);
  assert.equal(answers.length, 1000);
  assert.ok(typeof cache.peek('k', 2) === 'object');
});

test('an old entry is used on while it is asked for again in the background, once', () => {
  const { cache, asked, note } = open();
  cache.load('k', 0, note);
  cache.answer('k', principal('k'), 0);
  assert.ok(cache.peek('k', 999) !== null);
  assert.deepEqual(asked, ['k']);
  for (let i = 0; i < 10; i++)
    assert.ok(typeof cache.peek('k', 1000 + i) === 'object' && cache.peek('k', 1000) !== null);
  assert.deepEqual(asked, ['k', 'k']);
  cache.answer('k', 'unknown', 1010);
  assert.equal(cache.peek('k', 1011), 'unknown', 'the refresh found that the key is gone');
});

test('a refresh that fails is not repeated with every request', () => {
  const { cache, asked, note } = open();
  cache.load('k', 0, note);
  cache.answer('k', principal('k'), 0);
  cache.peek('k', 1000);
  cache.answer('k', 'unavailable', 1001);
  for (let i = 0; i < 10; i++) assert.ok(cache.peek('k', 1100 + i) !== null);
  assert.equal(asked.length, 2);
  cache.peek('k', 1301);
  assert.equal(asked.length, 3);
});

test('an unknown key is asked for again after its time', () => {
  const { cache, note } = open();
  cache.load('x', 0, note);
  cache.answer('x', 'unknown', 0);
  assert.equal(cache.peek('x', 99), 'unknown');
  assert.equal(cache.peek('x', 100), null);
});

test('absent keys are remembered up to a bound, known ones too', () => {
  const { cache, note } = open();
  for (const key of ['a', 'b', 'c']) {
    cache.load(key, 0, note);
    cache.answer(key, 'unknown', 0);
  }
  assert.equal(cache.peek('a', 1), null, 'the oldest absence was forgotten');
  assert.equal(cache.peek('c', 1), 'unknown');
  for (const key of ['1', '2', '3', '4']) {
    cache.load(key, 0, note);
    cache.answer(key, principal(key), 0);
  }
  assert.equal(cache.size, 3);
  assert.equal(cache.peek('1', 1), null);
});

test('an invalidated key is gone at once, and a question on its way is asked again', () => {
  const { cache, asked, note } = open();
  cache.load('k', 0, note);
  cache.answer('k', principal('k'), 0);
  cache.invalidate(['k']);
  assert.equal(cache.peek('k', 1), null);
  cache.load('k', 1, note);
  cache.invalidate(['k']);
  assert.deepEqual(asked, ['k', 'k', 'k']);
});

test('while nothing can be looked up a cached key is trusted up to the stale bound, and not after an invalidation', () => {
  const { cache, answers, note } = open();
  cache.load('k', 0, note);
  cache.answer('k', principal('k'), 0);
  cache.load('k', 2000, note);
  cache.answer('k', 'unavailable', 2001);
  assert.ok(typeof answers.at(-1) === 'object', 'younger than the stale bound');
  cache.load('k', 6000, note);
  cache.answer('k', 'unavailable', 6001);
  assert.equal(answers.at(-1), 'unavailable');
  cache.load('k', 2000, note);
  cache.invalidate(['k']);
  cache.answer('k', 'unavailable', 2001);
  assert.equal(answers.at(-1), 'unavailable');
});

test('questions that primary does not answer end after a bound', () => {
  const { cache, answers, note } = open();
  cache.load('k', 0, note);
  cache.sweep(299);
  assert.equal(answers.length, 0);
  cache.sweep(300);
  assert.deepEqual(answers, ['unavailable']);
  cache.answer('k', principal('k'), 400);
  assert.deepEqual(answers, ['unavailable'], 'a late answer is only remembered');
});

test('no more than the bound of questions are on their way', () => {
  const { cache, note } = open();
  for (const key of ['1', '2', '3', '4']) assert.equal(cache.load(key, 0, note), true);
  assert.equal(cache.load('5', 0, note), false);
  assert.equal(cache.load('4', 0, note), true, 'joining is always possible');
});
