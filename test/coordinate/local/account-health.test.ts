import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import {
  AccountHealth,
  accountHealthBytes,
  hashModel,
  MODEL_RESTS_MAX,
  REST_AUTH,
  REST_NONE,
  REST_RATE_LIMITED,
} from '#coordinate/local/account-health.ts';

const SONNET = hashModel('claude-sonnet-4-5');
const HAIKU = hashModel('claude-haiku-4-5');

function open(buffer = new SharedArrayBuffer(accountHealthBytes(8))): AccountHealth {
  return new AccountHealth(buffer, 8);
}

test('a resting account rests for every model, and says why', () => {
  const health = open();
  health.rest(3, 1000, REST_AUTH);
  const now = nowMs();
  assert.ok(health.restUntil(3, SONNET, now) > now);
  assert.equal(health.reason(3, HAIKU, now), REST_AUTH);
  assert.ok(health.restUntil(2, SONNET, now) <= now);
  assert.ok(health.restUntil(3, SONNET, now + 2000) <= now + 2000);
});

test('a resting model leaves the other models of the account alone', () => {
  const health = open();
  health.restModel(3, SONNET, 1000, REST_RATE_LIMITED);
  const now = nowMs();
  assert.ok(health.restUntil(3, SONNET, now) > now);
  assert.equal(health.reason(3, SONNET, now), REST_RATE_LIMITED);
  assert.ok(health.restUntil(3, HAIKU, now) <= now);
  assert.equal(health.reason(3, HAIKU, now), REST_NONE);
});

test('a longer rest is not shortened by a later, shorter one', () => {
  const health = open();
  health.rest(1, 10_000, REST_AUTH);
  health.rest(1, 10, REST_RATE_LIMITED);
  const now = nowMs();
  assert.ok(health.restUntil(1, SONNET, now) - now > 5000);
  assert.equal(health.reason(1, SONNET, now), REST_AUTH);
});

test('what one thread learns, another sees through the same memory', () => {
  const buffer = new SharedArrayBuffer(accountHealthBytes(8));
  open(buffer).restModel(0, HAIKU, 1000, REST_RATE_LIMITED);
  const now = nowMs();
  assert.ok(open(buffer).restUntil(0, HAIKU, now) > now);
});

test('many more model rests than cells never throw, and the newest long one holds', () => {
  const health = open();
  for (let i = 0; i < MODEL_RESTS_MAX * 2; i++)
    health.restModel(i % 8, hashModel(`model-${i}`), 1000, REST_RATE_LIMITED);
  health.restModel(5, SONNET, 60_000, REST_RATE_LIMITED);
  const now = nowMs();
  assert.ok(health.restUntil(5, SONNET, now) - now > 30_000);
});

test('failures in a row are counted until a success', () => {
  const health = open();
  assert.equal(health.failed(1), 1);
  assert.equal(health.failed(1), 2);
  health.succeeded(1);
  assert.equal(health.failed(1), 1);
});
