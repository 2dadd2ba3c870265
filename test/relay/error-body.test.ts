import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REST_AUTH, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import { isDecidedByBody, JUDGED_BYTES_MAX, judgeBody, judgeErrorWithin, judgeRefusal } from '#relay/error-body.ts';
import type { RestRules } from '#relay/verdict.ts';

const RULES: RestRules = {
  rateLimitMs: 30_000,
  overloadedMs: 10_000,
  authMs: 600_000,
  errorMs: 5_000,
  errorsBeforeRest: 3,
  restMsMax: 3_600_000,
};
const NOW = Date.parse('2026-03-01T00:00:00Z');
const judge = (document: unknown) => judgeBody(Buffer.from(JSON.stringify(document)), RULES, NOW);
const google = (...details: object[]) => ({ error: { code: 429, status: 'RESOURCE_EXHAUSTED', details } });
const retry = (retryDelay: unknown) => ({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay });
const quota = (quotaId: unknown) => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaMetric: 'm', quotaId }],
});

test('an account without money rests as one whose credentials are refused', () => {
  for (const fields of [{ code: 'insufficient_quota' }, { type: 'insufficient_quota', code: null }]) {
    const verdict = judge({ error: { message: 'You exceeded your current quota', ...fields } });
    assert.deepEqual(verdict, { restMs: RULES.authMs, restReason: REST_AUTH, restModelOnly: false });
  }
});

test('a subscription that is used up rests as a whole until its reset, within the bound', () => {
  const used = (fields: object) => judge({ error: { type: 'usage_limit_reached', plan_type: 'plus', ...fields } });
  const verdict = { restReason: REST_RATE_LIMITED, restModelOnly: false };
  assert.deepEqual(used({ resets_at: NOW / 1000 + 90 }), { ...verdict, restMs: 90_000 });
  assert.deepEqual(used({ resets_in_seconds: 1e6 }), { ...verdict, restMs: RULES.restMsMax });
  for (const fields of [{}, { resets_at: NOW / 1000 - 5 }, { resets_at: 'soon' }]) assert.equal(used(fields), null);
});

test("Google's delay rests the model, also where a stream wrapped the error into an array", () => {
  const verdict = { restMs: 13_500, restReason: REST_RATE_LIMITED, restModelOnly: true };
  assert.deepEqual(judge(google(retry('13.5s'))), verdict);
  assert.deepEqual(judge([google(retry('13.5s'))]), verdict);
  assert.equal(judge(google(retry('999999s')))?.restMs, RULES.restMsMax);
});

test("a quota of Google's that is used up for the day rests as long as anything may: of one model, or of all", () => {
  const daily = judge(google(quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier'), retry('13s')));
  assert.deepEqual([daily?.restMs, daily?.restModelOnly], [RULES.restMsMax, true]);
  const all = judge(google(quota('GenerateRequestsPerDayPerProject')));
  assert.deepEqual([all?.restMs, all?.restModelOnly], [RULES.restMsMax, false]);
  assert.equal(judge(google(quota('GenerateRequestsPerMinutePerProjectPerModel'))), null, 'its delay says enough');
});

test('bodies that say nothing, are none, or are too long are not judged', () => {
  const bare = { error: { details: 'x' } };
  const odd = [null, 7, [], {}, { error: null }, { error: 'x' }, bare, google(retry(null), quota(7))];
  for (const document of odd) assert.equal(judge(document), null, JSON.stringify(document));
  assert.equal(judgeBody(Buffer.from('<html>'), RULES, NOW), null);
  assert.equal(judgeBody(Buffer.alloc(0), RULES, NOW), null);
  assert.equal(judge({ error: { code: 'insufficient_quota', message: 'x'.repeat(JUDGED_BYTES_MAX) } }), null);
});

const refusal = (status: number, document: unknown) =>
  judgeRefusal(status, Buffer.from(JSON.stringify(document)), RULES);
const reason = (text: string) => ({ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: text });

test('of 400 and 403 the body decides, of no other status', () => {
  const decided = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 529].filter(isDecidedByBody);
  assert.deepEqual(decided, [400, 403]);
});

test('a 400 that blames the account is a refused credential, whoever says it', () => {
  const blaming = [
    { error: { code: 400, status: 'INVALID_ARGUMENT', details: [reason('API_KEY_INVALID')] } },
    [{ error: { code: 400, status: 'INVALID_ARGUMENT', message: 'API key not valid. Please pass a valid API key.' } }],
    { error: { code: 400, status: 'FAILED_PRECONDITION', message: 'User location is not supported for the API use.' } },
    { type: 'error', error: { type: 'invalid_request_error', message: 'Your credit balance is too low to access' } },
    { error: { code: 'billing_hard_limit_reached', message: 'Billing hard limit has been reached' } },
    { error: { code: 'invalid_api_key', message: 'x' } },
  ];
  for (const document of blaming) {
    const verdict = refusal(400, document);
    assert.deepEqual([verdict?.code, verdict?.restMs], ['upstream_auth', RULES.authMs], JSON.stringify(document));
  }
});

test("what a caller wrote is never taken for the account's fault", () => {
  const echoes = [
    { error: { status: 'INVALID_ARGUMENT', message: 'Invalid value: "API key not valid"', details: [reason('BAD')] } },
    { error: { type: 'invalid_request_error', message: 'messages.0: Your credit balance is too low' } },
    { error: { type: 'invalid_request_error', message: 7, details: [null, 'API_KEY_INVALID'] } },
  ];
  for (const document of echoes) assert.equal(refusal(400, document), null, JSON.stringify(document));
});

test('a 403 rests one model, or is about a thing that the request named, only where it says so', () => {
  assert.deepEqual(
    [403, 400].map((status) => refusal(status, { error: { code: 'model_not_found' } })?.restModelOnly),
    [true, undefined],
  );
  const denied = (message: string, ...details: object[]) =>
    refusal(403, { error: { code: 403, status: 'PERMISSION_DENIED', message, details } })?.kind;
  assert.equal(denied('You do not have permission to access the File x or it may not exist.'), 'relay');
  assert.equal(denied('CachedContent not found (or permission denied)'), 'relay');
  assert.equal(denied('The caller does not have permission'), undefined);
  assert.equal(denied('permission to access the File', reason('CONSUMER_SUSPENDED')), undefined);
});

test('an error in place of an answer is judged by its type, and what that leaves to the caller by its words', () => {
  const kindOf = (type: string, words: object | null) =>
    judgeErrorWithin(type, words as Record<string, unknown> | null, RULES, NOW).code;
  const spent = { error: { type: 'invalid_request_error', message: 'Your credit balance is too low.' } };
  const own = { error: { type: 'invalid_request_error', message: 'I said: your credit balance is too low.' } };
  assert.equal(kindOf('invalid_request_error', spent), 'upstream_auth');
  for (const words of [own, {}, { error: null }, null]) {
    assert.equal(judgeErrorWithin('invalid_request_error', words, RULES, NOW).kind, 'relay');
  }
  assert.equal(kindOf('rate_limit_error', spent), 'upstream_rate_limited');
});
