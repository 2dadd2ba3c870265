import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REST_AUTH, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import {
  durationMs,
  judgeError,
  judgeErrorEvent,
  judgeStatus,
  READ_BY_VERDICT,
  type RestRules,
  retryAfterMs,
  statusSaid,
} from '#relay/verdict.ts';

const RULES: RestRules = {
  rateLimitMs: 30_000,
  overloadedMs: 10_000,
  authMs: 600_000,
  errorMs: 5_000,
  errorsBeforeRest: 3,
  restMsMax: 3_600_000,
};
const NOW = Date.parse('2026-03-01T00:00:00Z');
const judge = (status: number, headers: Record<string, string> = {}) => judgeStatus(status, headers, RULES, NOW);

test('successes and faults of the caller are relayed', () => {
  for (const status of [200, 201, 400, 404, 413, 422]) assert.equal(judge(status).kind, 'relay', String(status));
});

test('faults of the account fail over', () => {
  for (const status of [401, 402, 403, 429, 500, 502, 503, 529, 302])
    assert.equal(judge(status).kind, 'failover', String(status));
  assert.deepEqual([judge(401).restMs, judge(401).restReason, judge(401).restModelOnly], [600_000, REST_AUTH, false]);
  assert.equal(judge(503).restMs, -1, 'a server error only counts');
});

test('an answer in an encoding that is not decoded is broken, whatever it says; identity is none', () => {
  for (const status of [200, 400]) {
    const { kind, code } = judge(status, { 'content-encoding': 'compress' });
    assert.deepEqual([kind, code], ['failover', 'upstream_broken']);
  }
  assert.equal(judge(200, { 'content-encoding': 'identity' }).kind, 'relay');
  assert.equal(judge(429, { 'content-encoding': 'gzip' }).code, 'upstream_rate_limited');
});

test('429 rests the model for retry-after in seconds, fractions and dates, or until the exhausted limit resets', () => {
  assert.equal(judge(429, { 'retry-after': '7' }).restMs, 7000);
  assert.equal(judge(429, { 'retry-after': '1.5' }).restMs, 1500);
  assert.equal(retryAfterMs({ 'retry-after': 'Sun, 01 Mar 2026 00:00:09 GMT' }, NOW), 9000);
  assert.equal(judge(429).restMs, RULES.rateLimitMs);
  assert.equal(judge(429).restModelOnly, true);
  const limits = {
    'anthropic-ratelimit-requests-remaining': '5',
    'anthropic-ratelimit-requests-reset': '2026-03-01T00:10:00Z',
    'anthropic-ratelimit-input-tokens-remaining': '0',
    'anthropic-ratelimit-input-tokens-reset': '2026-03-01T00:00:42Z',
  };
  assert.equal(judge(429, limits).restMs, 42_000);
});

test("OpenAI's limits are read: retry-after-ms first, else the latest reset of what is used up, else the default", () => {
  assert.equal(judge(429, { 'retry-after-ms': '1250', 'retry-after': '2' }).restMs, 1250);
  const limits = {
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '6m0s',
    'x-ratelimit-remaining-tokens': '0',
    'x-ratelimit-reset-tokens': '20ms',
  };
  assert.deepEqual([judge(429, limits).restMs, judge(429, limits).restModelOnly], [360_000, true]);
  assert.equal(judge(429, { ...limits, 'x-ratelimit-remaining-requests': '3' }).restMs, 20);
  assert.equal(judge(429, { ...limits, 'x-ratelimit-reset-requests': 'soon' }).restMs, 20);
  for (const name of Object.keys(limits)) assert.ok(READ_BY_VERDICT.includes(name), name);
});

test('durations are read in all their units, and nothing else is', () => {
  assert.deepEqual(
    ['1h2m3s', '1.5s', '20ms', '1m', '13s', '1d'].map(durationMs),
    [3_723_000, 1500, 20, 60_000, 13_000, 86_400_000],
  );
  for (const text of ['', 's', '5', '5 s', '-1s', '1s!', '1'.repeat(40)]) assert.equal(durationMs(text), null, text);
});

test('a used-up unified limit rests the whole account until its reset, within the bound', () => {
  const unified = (seconds: number) => ({
    'anthropic-ratelimit-unified-status': 'rejected',
    'anthropic-ratelimit-unified-reset': String(NOW / 1000 + seconds),
    'retry-after': '5',
  });
  const verdict = judge(429, unified(1800));
  assert.deepEqual([verdict.restMs, verdict.restReason, verdict.restModelOnly], [1_800_000, REST_RATE_LIMITED, false]);
  assert.equal(judge(429, unified(1e6)).restMs, RULES.restMsMax);
});

test('transport errors are told apart', () => {
  const code = (code: string) => judgeError(Object.assign(new Error('x'), { code })).code;
  assert.equal(code('ECONNREFUSED'), 'upstream_connect');
  assert.equal(code('UND_ERR_CONNECT_TIMEOUT'), 'upstream_connect');
  assert.equal(code('DEPTH_ZERO_SELF_SIGNED_CERT'), 'upstream_tls');
  assert.equal(code('CERT_HAS_EXPIRED'), 'upstream_tls');
  assert.equal(code('ERR_TLS_CERT_ALTNAME_INVALID'), 'upstream_tls');
  assert.equal(code('UND_ERR_HEADERS_TIMEOUT'), 'upstream_headers_timeout');
  assert.equal(code('UND_ERR_BODY_TIMEOUT'), 'upstream_idle_timeout');
  assert.equal(code('ECONNRESET'), 'upstream_broken');
});

test('an error in place of an answer means a status, and is judged as that status is', () => {
  const meant: [status: number, ...types: string[]][] = [
    [400, 'invalid_request_error', 'invalid_prompt', 'context_length_exceeded', 'INVALID_ARGUMENT', '400'],
    [404, 'not_found_error', 'model_not_found', 'NOT_FOUND', '404'],
    [413, 'request_too_large', '413'],
    [422, '422'],
    [401, 'authentication_error', 'invalid_api_key', 'insufficient_quota', 'UNAUTHENTICATED', '402'],
    [429, 'rate_limit_error', 'rate_limit_exceeded', 'RESOURCE_EXHAUSTED', '429'],
    [529, 'overloaded_error', 'server_is_overloaded', 'UNAVAILABLE', '503'],
    [500, 'api_error', 'server_error', 'INTERNAL', '500', '502'],
  ];
  for (const [status, ...types] of meant) {
    for (const type of types) {
      assert.equal(statusSaid(type), status, type);
      assert.deepEqual(judgeErrorEvent(type, RULES, NOW), judge(status), type);
    }
  }
  for (const type of ['', 'teapot']) {
    assert.equal(statusSaid(type), 0);
    const { kind, restMs } = judgeErrorEvent(type, RULES, NOW);
    assert.deepEqual([kind, restMs], ['failover', 0], 'tried elsewhere, and held against nobody');
  }
});
