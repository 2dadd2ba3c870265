import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { IN_STREAM, messagesOfOpenAi, openAiErrorBody, openAiOfMessages } from '#wire/convert/error-kinds.ts';

const chatError = (status: number, body: JsonObject | null): JsonObject =>
  openAiErrorBody(openAiOfMessages(status, body));

function typeFor(status: number, error: object): unknown {
  return (messagesOfOpenAi(status, { error: { ...error } }, 'r')['error'] as { type: string }).type;
}

function wordsFor(status: number, type: string): unknown {
  const { error } = chatError(status, { type: 'error', error: { type, message: 'm' } }) as {
    error: { type: string; code: string | null };
  };
  return `${error.type} ${error.code}`;
}

test('a Chat error keeps its words and gets the type of its status', () => {
  const body = {
    error: { message: 'no such model', type: 'invalid_request_error', param: 'model', code: 'model_not_found' },
  };
  assert.deepEqual(messagesOfOpenAi(404, body, 'req-1'), {
    type: 'error',
    error: { type: 'not_found_error', message: 'no such model' },
    request_id: 'req-1',
  });
});

test('every status has a type of Messages', () => {
  const statuses = [400, 401, 402, 403, 404, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529];
  assert.deepEqual(
    statuses.map((status) => typeFor(status, { message: 'm' })),
    [
      'invalid_request_error',
      'authentication_error',
      'billing_error',
      'permission_error',
      'not_found_error',
      'conflict_error',
      'request_too_large',
      'invalid_request_error',
      'invalid_request_error',
      'rate_limit_error',
      'api_error',
      'api_error',
      'overloaded_error',
      'timeout_error',
      'overloaded_error',
    ],
  );
});

test('a code that says more than the status decides, unless it blames the other side', () => {
  assert.equal(typeFor(429, { code: 'insufficient_quota' }), 'billing_error');
  assert.equal(typeFor(500, { code: 'server_is_overloaded' }), 'overloaded_error');
  assert.equal(typeFor(500, { code: 'invalid_api_key' }), 'api_error');
  assert.equal(typeFor(400, { code: 'server_is_overloaded' }), 'invalid_request_error');
});

test('a word of one kind says more than the status, one that many kinds share says less', () => {
  assert.equal(typeFor(429, { type: 'insufficient_quota', code: null }), 'billing_error');
  assert.equal(typeFor(401, { type: 'invalid_request_error' }), 'authentication_error');
  assert.equal(typeFor(422, { type: 'invalid_request_error' }), 'invalid_request_error');
  assert.equal(typeFor(529, { type: 'server_error' }), 'overloaded_error');
  assert.equal(typeFor(503, { code: 'server_error' }), 'overloaded_error');
  assert.equal(typeFor(IN_STREAM, { code: 'server_error' }), 'api_error');
  assert.equal(typeFor(500, { type: 'rate_limit_error' }), 'api_error');
  assert.equal(typeFor(IN_STREAM, { type: 'insufficient_quota' }), 'billing_error');
});

test('inside a stream the code, the type, or a status as code stand for the status', () => {
  assert.equal(typeFor(IN_STREAM, { code: 'rate_limit_exceeded' }), 'rate_limit_error');
  assert.equal(typeFor(IN_STREAM, { type: 'invalid_request_error' }), 'invalid_request_error');
  assert.equal(typeFor(IN_STREAM, { code: 529 }), 'overloaded_error');
  assert.equal(typeFor(IN_STREAM, { type: 'server_error' }), 'api_error');
});

test('every type of Messages has words of Chat', () => {
  const types = [
    'invalid_request_error',
    'authentication_error',
    'billing_error',
    'permission_error',
    'not_found_error',
    'conflict_error',
    'request_too_large',
    'rate_limit_error',
    'api_error',
    'overloaded_error',
    'timeout_error',
  ];
  assert.deepEqual(
    types.map((type) => wordsFor(IN_STREAM, type)),
    [
      'invalid_request_error null',
      'invalid_request_error invalid_api_key',
      'insufficient_quota insufficient_quota',
      'invalid_request_error permission_denied',
      'invalid_request_error model_not_found',
      'invalid_request_error conflict',
      'invalid_request_error request_too_large',
      'requests rate_limit_exceeded',
      'server_error server_error',
      'server_error server_is_overloaded',
      'server_error timeout',
    ],
  );
});

test('a type that nobody knows is told by its status', () => {
  assert.equal(wordsFor(429, 'new_error'), 'requests rate_limit_exceeded');
  assert.equal(wordsFor(418, 'new_error'), 'invalid_request_error null');
  assert.equal(wordsFor(500, 'new_error'), 'server_error server_error');
});

test('a prompt beyond the window is said so that clients of each side notice', () => {
  const long = messagesOfOpenAi(400, { error: { message: 'maximum is 8', code: 'context_length_exceeded' } }, 'r');
  assert.equal((long['error'] as { message: string }).message, 'prompt is too long: maximum is 8');
  const chat = chatError(400, { error: { type: 'invalid_request_error', message: 'prompt is too long: 9 > 8' } });
  assert.deepEqual(chat['error'], {
    message: 'prompt is too long: 9 > 8',
    type: 'invalid_request_error',
    param: null,
    code: 'context_length_exceeded',
  });
});

test('what is no error object, or no JSON, still gives a whole error', () => {
  for (const body of [
    null,
    {},
    { error: null },
    { error: 7 },
    { error: [] },
    { error: { message: {}, type: 1, code: {} } },
  ]) {
    const { error, request_id } = messagesOfOpenAi(502, body, 'r') as { error: object; request_id: string };
    assert.deepEqual(error, { type: 'api_error', message: 'The upstream answered with status 502.' });
    assert.equal(request_id, 'r');
    assert.deepEqual(chatError(502, body), {
      error: {
        message: 'The upstream answered with status 502.',
        type: 'server_error',
        param: null,
        code: 'server_error',
      },
    });
  }
  assert.deepEqual(messagesOfOpenAi(400, { error: 'bare words' }, 'r')['error'], {
    type: 'invalid_request_error',
    message: 'bare words',
  });
});
