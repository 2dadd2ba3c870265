import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REST_AUTH, REST_RATE_LIMITED } from '#coordinate/local/account-health.ts';
import { JUDGED_BYTES_MAX, judgeBody } from '#relay/error-body.ts';
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
