import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REST_AUTH } from '#coordinate/local/account-health.ts';
import { judgeAnswer, judgeFault } from '#jobs/judge-create.ts';

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

test('the answer of a proxy that has waited in vain leaves it open whether the job was made', () => {
  const page = (status: number) =>
    judgeAnswer(
      { status, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>sorry</html>') },
      RULES,
      0,
    );
  const inDoubt = (judged: ReturnType<typeof judge>) => judged.kind === 'next' && judged.inDoubt;
  for (const status of [408, 502, 504, 520, 522, 524, 527, 500]) assert.equal(inDoubt(page(status)), true, `${status}`);
  for (const status of [503, 521, 523, 525, 526, 529, 429, 401, 404]) {
    assert.equal(page(status).kind, 'next', `${status}`);
    assert.equal(inDoubt(page(status)), false, `${status}`);
  }
  assert.equal(inDoubt(judge(500, { error: { message: 'The server had an error.' } })), false);
  assert.equal(inDoubt(judge(504, { error: { message: 'Timed out.' } })), true);
});

test('an answer of success that cannot be read leaves it open too', () => {
  const headers = { 'content-encoding': 'gzip' };
  const judged = judgeAnswer({ status: 200, headers, body: Buffer.from('x') }, RULES, 0);
  assert.ok(judged.kind === 'next' && judged.inDoubt);
});

test('without a connection nothing was made; afterwards nobody knows', () => {
  const fault = (code: string) => judgeFault(Object.assign(new Error('x'), { code }));
  assert.equal(fault('ECONNREFUSED').inDoubt, false);
  assert.equal(fault('CERT_HAS_EXPIRED').inDoubt, false);
  assert.equal(fault('ECONNRESET').inDoubt, true);
  assert.equal(fault('UND_ERR_HEADERS_TIMEOUT').inDoubt, true);
});
