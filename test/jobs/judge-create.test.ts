import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REST_AUTH } from '#coordinate/local/account-health.ts';
import { judgeAnswer } from '#jobs/judge-create.ts';

const RULES = {
  rateLimitMs: 30_000,
  overloadedMs: 10_000,
  authMs: 600_000,
  errorMs: 5_000,
  errorsBeforeRest: 3,
  restMsMax: 3_600_000,
};
const judge = (status: number, document: object) =>
  judgeAnswer({ status, headers: {}, body: Buffer.from(JSON.stringify(document)) }, RULES, 0);

test("a job that is refused for the account's sake is another account's turn, and the account rests", () => {
  for (const [status, code] of [
    [400, 'billing_hard_limit_reached'],
    [401, 'invalid_api_key'],
    [429, 'insufficient_quota'],
  ] as const) {
    const judged = judge(status, { error: { code, message: 'x' } });
    assert.equal(judged.kind, 'next', code);
    const { restMs, restReason } = (judged as Extract<typeof judged, { kind: 'next' }>).verdict;
    assert.deepEqual([restMs, restReason], [RULES.authMs, REST_AUTH], code);
  }
});

test('a job that is refused for its own sake is told so', () => {
  const judged = judge(400, { error: { code: 'moderation_blocked', message: 'Not this.' } });
  assert.deepEqual(judged, { kind: 'refused', code: 'job_refused', detail: 'Not this.' });
  assert.equal(judge(200, {}).kind, 'taken');
});
