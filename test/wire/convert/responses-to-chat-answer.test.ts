import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { ANSWER_CONTEXT, dataOf, runStream, type UpstreamEvent } from './run-stream.ts';
import { responsesEvents } from './upstream-events.ts';

function answerOf(output: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  const usage = { input_tokens: 10, output_tokens: 5 };
  return { id: 'resp_1', status: 'completed', output, usage, service_tier: 'default', ...more };
}

const SAID = { id: 'm', type: 'message', content: [{ type: 'output_text', text: 'hi', annotations: [] }] };

function choiceOf(answer: JsonObject): { message: JsonObject; finish_reason: string; logprobs: unknown } {
  return (chatOverResponses.answer(answer, ANSWER_CONTEXT)['choices'] as [ReturnType<typeof choiceOf>])[0];
}

test('how an answer ended has its finish reason', () => {
  const call = { id: 'fc', type: 'function_call', call_id: 'a', name: 'run', arguments: '{}' };
  const cut = (reason: string) => ({ status: 'incomplete', incomplete_details: { reason } });
  assert.equal(choiceOf(answerOf([SAID])).finish_reason, 'stop');
  assert.equal(choiceOf(answerOf([SAID, call])).finish_reason, 'tool_calls');
  assert.equal(choiceOf(answerOf([SAID], cut('max_output_tokens'))).finish_reason, 'length');
  assert.equal(choiceOf(answerOf([SAID], cut('content_filter'))).finish_reason, 'content_filter');
});

test('a free-form call stays one, in JSON and in the stream', () => {
  const answer = answerOf([{ id: '1', type: 'custom_tool_call', call_id: 'a', name: 'exec', input: 'x()' }]);
  const call = { id: 'a', type: 'custom', custom: { name: 'exec', input: 'x()' } };
  assert.deepEqual(choiceOf(answer).message['tool_calls'], [call]);
  const chunks = dataOf(runStream(chatOverResponses, responsesEvents(answer, seededRandom(1))));
  const pieces = chunks.flatMap((chunk) => callsIn(chunk as JsonObject));
  assert.deepEqual(pieces[0], { index: 0, ...call, custom: { name: 'exec', input: '' } });
  assert.equal(
    pieces
      .slice(1)
      .map(({ custom }) => (custom as JsonObject)['input'])
      .join(''),
    'x()',
  );
});

function callsIn(chunk: JsonObject): JsonObject[] {
  const [choice] = (chunk['choices'] ?? []) as [{ delta: JsonObject }?];
  return (choice?.delta['tool_calls'] ?? []) as JsonObject[];
}

test('refusals and log probabilities are told', () => {
  const logprobs = [{ token: 'hi', logprob: -1, bytes: null, top_logprobs: [] }];
  const content = [
    { type: 'output_text', text: 'hi', annotations: [], logprobs },
    { type: 'refusal', refusal: 'no' },
  ];
  const { message, logprobs: told } = choiceOf(answerOf([{ ...SAID, content }]));
  assert.deepEqual([message['content'], message['refusal'], told], ['hi', 'no', { content: logprobs, refusal: null }]);
});

test('usage has the names of Chat', () => {
  const usage = {
    input_tokens: 240,
    input_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
    output_tokens: 50,
    output_tokens_details: { reasoning_tokens: 20 },
  };
  assert.deepEqual(chatOverResponses.answer(answerOf([], { usage }), ANSWER_CONTEXT)['usage'], {
    prompt_tokens: 240,
    completion_tokens: 50,
    total_tokens: 290,
    prompt_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
    completion_tokens_details: { reasoning_tokens: 20 },
  });
});

test('usage is streamed only where it was asked for, in a chunk of its own before [DONE]', () => {
  const events = responsesEvents(answerOf([SAID]), seededRandom(1));
  const asked = dataOf(runStream(chatOverResponses, events)) as JsonObject[];
  assert.deepEqual([asked.at(-2)!['choices'], asked.at(-1)], [[], '[DONE]']);
  assert.ok(asked.slice(0, -2).every((chunk) => chunk['usage'] === null));
  const unasked = dataOf(runStream(chatOverResponses, events, { ...ANSWER_CONTEXT, includeUsage: false }));
  assert.equal(unasked.at(-1), '[DONE]');
  assert.ok(
    unasked.every((chunk) => chunk === '[DONE]' || (chunk['usage'] === undefined && chunk['choices'] !== undefined)),
  );
});

test('a failed response is an error in JSON and in the stream, without [DONE]', () => {
  const failed = { id: 'resp_1', status: 'failed', error: { code: 'server_error', message: 'm' }, output: [] };
  const expected = { error: { message: 'm', type: 'server_error', param: null, code: 'server_error' } };
  assert.deepEqual(chatOverResponses.answer(failed, ANSWER_CONTEXT), expected);
  const events: UpstreamEvent[] = [{ name: '', data: { type: 'response.failed', response: failed } }];
  assert.deepEqual(dataOf(runStream(chatOverResponses, events)).at(-1), expected);
});

test('errors keep message, type and code; the field is that of another request', () => {
  const error = { message: 'm', type: 'invalid_request_error', param: 'input', code: 'model_not_found' };
  assert.deepEqual(chatOverResponses.error(404, { error }, ANSWER_CONTEXT), { error: { ...error, param: null } });
});
