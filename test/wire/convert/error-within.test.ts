import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorWithin } from '#wire/convert/error-within.ts';

const error = { code: 'invalid_prompt', message: 'no' };

test('an error in place of an answer is found wherever a protocol says it', () => {
  const documents = [
    { error },
    { type: 'error', error, request_id: 'r' },
    { type: 'response.failed', response: { id: 'r', status: 'failed', error } },
    { id: 'r', object: 'response', status: 'failed', error, output: [] },
  ];
  for (const document of documents) assert.deepEqual(errorWithin(document), { error });
  const event = { type: 'error', ...error };
  assert.deepEqual(errorWithin(event), { error: event });
});

test('one that is a text alone is its message; one without words is empty', () => {
  assert.deepEqual(errorWithin({ error: 'no' }), { error: { message: 'no' } });
  for (const document of [
    { status: 'failed', error: null },
    { type: 'response.failed', response: { error: null } },
    { type: 'response.failed' },
  ]) {
    assert.deepEqual(errorWithin(document), { error: {} });
  }
});

test('an answer says none', () => {
  const answers = [
    {},
    { error: null, status: 'completed' },
    { error: '', choices: [] },
    { type: 'message', content: [] },
    { type: 'response.completed', response: { error: null } },
    { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
  ];
  for (const answer of answers) assert.equal(errorWithin(answer), null);
});
