/** Every failure in every dialect: a body that its clients can read, and one frame inside a stream. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURE_CODES, FAILURES, refuse } from '#failure/registry.ts';
import { ANTHROPIC_DIALECT } from '#wire/anthropic.ts';
import type { Dialect } from '#wire/dialect.ts';
import { GEMINI_DIALECT, statusName } from '#wire/gemini-errors.ts';
import { CHAT_DIALECT, RESPONSES_DIALECT } from '#wire/openai-errors.ts';
import { SseSplitter } from '#wire/sse.ts';

const DIALECTS: readonly Dialect[] = [ANTHROPIC_DIALECT, CHAT_DIALECT, RESPONSES_DIALECT, GEMINI_DIALECT];
/** It could break out of a frame, or of JSON. */
const DETAIL = 'a\r\n\r\ndata: {"x":1}\n\n"quoted"\0\u2028é';

function framesOf(bytes: Uint8Array): string[] {
  const frames: string[] = [];
  const sink = {
    frame: (whole: Buffer, start: number, end: number) => void frames.push(whole.toString('utf8', start, end)),
  };
  const splitter = new SseSplitter(sink, 1 << 20);
  splitter.push(bytes);
  assert.equal(splitter.unfinishedBytes, 0, 'the frame is whole');
  return frames;
}

interface Said {
  message: string;
  error?: { message: string };
}
const dataOf = (frame: string): Said => JSON.parse(frame.slice(frame.indexOf('{')));

for (const dialect of DIALECTS) {
  test(`${dialect.name}: every failure is one JSON body and one frame, whatever its detail says`, () => {
    for (const code of FAILURE_CODES) {
      const refusal = refuse(code, DETAIL);
      const status = dialect.status(refusal);
      assert.ok(status >= 400 && status < 600, code);
      assert.equal(status === 529 && dialect !== ANTHROPIC_DIALECT, false, `${code}: 529 is Anthropic's alone`);
      assert.equal(status >= 500, FAILURES[code].status >= 500, `${code}: whose fault it is stays`);
      const body = JSON.parse(Buffer.from(dialect.renderError(refusal, 'id-1')).toString());
      assert.equal(body.error.message, `${FAILURES[code].text} ${DETAIL}`);
      const frames = framesOf(dialect.renderErrorEvent(refusal, 'id-1'));
      assert.equal(frames.length, 1, code);
      const said = dataOf(frames[0]!);
      assert.equal((said.error ?? said).message, body.error.message);
    }
  });

  test(`${dialect.name}: an upstream's error body becomes one frame, whatever it is`, () => {
    for (const text of ['{\n  "error": {\r\n "message": "m"}\n}\n', '<html>\n\n</html>\r\r', '', '\0\xff']) {
      assert.ok(framesOf(dialect.wrapError(Buffer.from(text, 'latin1'))).length <= 1, JSON.stringify(text));
    }
  });
}

test('Anthropic: the type of the registry, and the id of the request', () => {
  for (const code of FAILURE_CODES) {
    const body = JSON.parse(Buffer.from(ANTHROPIC_DIALECT.renderError(refuse(code), 'id-1')).toString());
    assert.deepEqual([body.type, body.error.type, body.request_id], ['error', FAILURES[code].anthropicType, 'id-1']);
  }
});

test('OpenAI: codes that its clients act on, the field at fault, and the form of each protocol', () => {
  const errorOf = (code: Parameters<typeof refuse>[0], detail = '') =>
    JSON.parse(Buffer.from(CHAT_DIALECT.renderError(refuse(code, detail), '')).toString()).error;
  assert.deepEqual(
    [errorOf('key_unknown').code, errorOf('key_unknown').type],
    ['invalid_api_key', 'authentication_error'],
  );
  assert.deepEqual(
    [errorOf('balance_exhausted').code, errorOf('balance_exhausted').type],
    ['insufficient_quota', 'insufficient_quota'],
  );
  assert.equal(errorOf('model_unknown').code, 'model_not_found');
  assert.equal(errorOf('accounts_resting').code, 'server_is_overloaded');
  assert.equal(errorOf('user_busy').code, 'rate_limit_exceeded');
  assert.equal(errorOf('field_invalid', 'messages.0.role: must be a string').param, 'messages.0.role');
  const event = Buffer.from(RESPONSES_DIALECT.renderErrorEvent(refuse('draining'), '')).toString();
  assert.match(event, /^event: error\ndata: \{"type":"error","code":"draining"/);
  assert.doesNotMatch(Buffer.from(CHAT_DIALECT.renderErrorEvent(refuse('draining'), '')).toString(), /event:|DONE/);
});

test('Gemini: names of statuses, and details that say whether to come again', () => {
  for (const code of FAILURE_CODES) {
    const refusal = refuse(code);
    const { error } = JSON.parse(Buffer.from(GEMINI_DIALECT.renderError(refusal, '')).toString());
    assert.deepEqual([error.code, error.status], [GEMINI_DIALECT.status(refusal), statusName(error.code)]);
    assert.match(error.status, /^[A-Z_]+$/);
    const types = (error.details ?? []).map((detail: Record<string, string>) => detail['@type']!.split('.').at(-1));
    if (code === 'balance_exhausted') assert.deepEqual(types, ['QuotaFailure']);
    else if (code.startsWith('key_')) assert.deepEqual(types, ['ErrorInfo']);
    else assert.deepEqual(types, refusal.retryAfterSeconds > 0 ? ['RetryInfo'] : [], code);
  }
});

test('without a balance each dialect has the status at which most of its clients stop', () => {
  const refusal = refuse('balance_exhausted');
  const statuses = DIALECTS.map((dialect) => [dialect.name, dialect.status(refusal)]);
  assert.deepEqual(statuses, [
    ['anthropic', 402],
    ['chat', 429],
    ['responses', 429],
    ['gemini', 402],
  ]);
});

test("Gemini: an error event is followed by Google's own form of it, which is JSON by itself", () => {
  const refusal = refuse('upstream_broken');
  const event = Buffer.from(GEMINI_DIALECT.renderErrorEvent(refusal, '')).toString();
  const last = Buffer.from(GEMINI_DIALECT.lastWords!(GEMINI_DIALECT.renderError(refusal, ''))).toString();
  assert.equal(event, `data: ${last}`);
  assert.equal(JSON.parse(last).error.code, 502);
});

test('keep-alive bytes are whole frames', () => {
  for (const { keepAlive } of DIALECTS) if (keepAlive !== null) assert.equal(framesOf(keepAlive).length, 1);
  assert.equal(GEMINI_DIALECT.keepAlive, null);
});
