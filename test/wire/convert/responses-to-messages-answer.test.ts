import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { assembleMessages } from './assemble-stream.ts';
import { ANSWER_CONTEXT, dataOf, runStream, type UpstreamEvent } from './run-stream.ts';
import { responsesEvents } from './upstream-events.ts';

function answerOf(output: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  const usage = { input_tokens: 10, output_tokens: 5 };
  return { id: 'resp_1', status: 'completed', output, usage, service_tier: 'default', ...more };
}

function message(...content: JsonObject[]): JsonObject {
  return { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content };
}

function said(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [] };
}

/** What the client gets as JSON; the stream has to come to the same. */
async function turned(answer: JsonObject): Promise<JsonObject> {
  const json = messagesOverResponses.answer(answer, ANSWER_CONTEXT);
  const text = runStream(messagesOverResponses, responsesEvents(answer, seededRandom(5)));
  const { parsed_output: _, ...assembled } = await assembleMessages(text);
  assert.deepEqual(assembled, json);
  return json;
}

test('how an answer ended has its stop reason', async () => {
  const call = { id: 'fc', type: 'function_call', call_id: 'a', name: 'run', arguments: '{}' };
  const cut = (reason: string) => ({ status: 'incomplete', incomplete_details: { reason } });
  const rows: [JsonObject, string][] = [
    [answerOf([message(said('a'))]), 'end_turn'],
    [answerOf([message(said('a')), call]), 'tool_use'],
    [answerOf([message({ type: 'refusal', refusal: 'no' })]), 'refusal'],
    [answerOf([message(said('a'))], cut('max_output_tokens')), 'max_tokens'],
    [answerOf([message(said('a'))], cut('content_filter')), 'refusal'],
  ];
  for (const [answer, reason] of rows) assert.equal((await turned(answer))['stop_reason'], reason);
});

test('input tokens are without those of the cache', async () => {
  const usage = {
    input_tokens: 240,
    input_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
    output_tokens: 50,
    output_tokens_details: { reasoning_tokens: 20 },
  };
  assert.deepEqual((await turned(answerOf([], { usage })))['usage'], {
    input_tokens: 10,
    cache_creation_input_tokens: 30,
    cache_read_input_tokens: 200,
    output_tokens: 50,
    output_tokens_details: { thinking_tokens: 20 },
    server_tool_use: null,
    service_tier: 'standard',
  });
});

test('a summary is thinking, its parts paragraphs; without one there is none', async () => {
  const parts = ['a', 'b'].map((text) => ({ type: 'summary_text', text }));
  const { content } = await turned(
    answerOf([
      { id: 'r', type: 'reasoning', summary: parts, encrypted_content: 'x' },
      { id: 's', type: 'reasoning', summary: [] },
    ]),
  );
  assert.deepEqual(content, [{ type: 'thinking', thinking: 'a\n\nb', signature: 'penstock-unsigned' }]);
});

test('calls are tool uses; free-form input is a field of its own', async () => {
  const { content } = await turned(
    answerOf([
      { id: '1', type: 'function_call', call_id: 'a', name: 'run', arguments: '{"x":"\\n"}' },
      { id: '2', type: 'function_call', call_id: 'b', name: 'run', arguments: '' },
      { id: '3', type: 'custom_tool_call', call_id: 'c', name: 'exec', input: 'x("1")' },
    ]),
  );
  assert.deepEqual(content, [
    { type: 'tool_use', id: 'a', name: 'run', input: { x: '\n' } },
    { type: 'tool_use', id: 'b', name: 'run', input: {} },
    { type: 'tool_use', id: 'c', name: 'exec', input: { input: 'x("1")' } },
  ]);
});

test('a search is told with what it found, counted, and cited', async () => {
  const action = { type: 'search', query: 'q', sources: [{ type: 'url', url: 'https://a' }] };
  const annotation = { type: 'url_citation', url: 'https://a', title: 'A', start_index: 0, end_index: 2 };
  const { content, usage } = await turned(
    answerOf([
      { id: 'w', type: 'web_search_call', status: 'completed', action },
      message({ ...said('said'), annotations: [annotation] }),
    ]),
  );
  const [call, result, text] = content as [JsonObject, JsonObject, JsonObject];
  assert.deepEqual([call['name'], call['input'], result['tool_use_id']], ['web_search', { query: 'q' }, call['id']]);
  assert.equal((result['content'] as [JsonObject])[0]['url'], 'https://a');
  assert.equal((text['citations'] as [JsonObject])[0]['cited_text'], 'sa');
  assert.deepEqual((usage as JsonObject)['server_tool_use'], { web_search_requests: 1, web_fetch_requests: 0 });
});

test('a failed response is an error in JSON and in the stream, whatever came before', () => {
  const error = { code: 'rate_limit_exceeded', message: 'slow down' };
  const failed = { id: 'resp_1', status: 'failed', error, output: [] };
  const expected = { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' }, request_id: 'req-1' };
  assert.deepEqual(messagesOverResponses.answer(failed, ANSWER_CONTEXT), expected);
  const events: UpstreamEvent[] = [
    { name: 'response.created', data: { type: 'response.created', response: { id: 'resp_1' } } },
    { name: 'response.failed', data: { type: 'response.failed', response: failed } },
  ];
  assert.deepEqual(dataOf(runStream(messagesOverResponses, events)).at(-1), expected);
});

test('an error event is an error, in the form of Responses and in that of Chat', () => {
  for (const data of [
    { type: 'error', code: 'server_is_overloaded', message: 'm', param: null },
    { error: { code: 'server_is_overloaded', message: 'm' } },
  ]) {
    const [told] = dataOf(runStream(messagesOverResponses, [{ name: 'error', data }])) as [JsonObject];
    assert.deepEqual(told['error'], { type: 'overloaded_error', message: 'm' });
  }
});

test('errors have the type that clients of Messages know', () => {
  const rows: [number, string | null, string | null, string][] = [
    [400, 'invalid_request_error', null, 'invalid_request_error'],
    [401, 'invalid_request_error', 'invalid_api_key', 'authentication_error'],
    [403, null, null, 'permission_error'],
    [404, 'invalid_request_error', 'model_not_found', 'not_found_error'],
    [429, 'requests', 'rate_limit_exceeded', 'rate_limit_error'],
    [429, 'insufficient_quota', 'insufficient_quota', 'billing_error'],
    [500, 'server_error', null, 'api_error'],
    [529, null, null, 'overloaded_error'],
  ];
  for (const [status, type, code, expected] of rows) {
    const body = { error: { message: 'm', type, code, param: 'input' } };
    const told = messagesOverResponses.error(status, body, ANSWER_CONTEXT);
    assert.deepEqual(told, { type: 'error', error: { type: expected, message: 'm' }, request_id: 'req-1' });
  }
});

test('a prompt that does not fit is told in the words that make clients compact their history', () => {
  const body = { error: { code: 'context_length_exceeded', message: 'Your input exceeds the context window.' } };
  const { error } = messagesOverResponses.error(400, body, ANSWER_CONTEXT);
  assert.match(String((error as JsonObject)['message']), /^prompt is too long: Your input/);
});

test('items that overlap come one after another, and what only a done or the last event tells is told', async () => {
  const call = (id: string, text: string) => ({ id, type: 'function_call', call_id: id, name: 'run', arguments: text });
  const output = [call('a', '{"x":1}'), call('b', '{"y":2}'), message(said('late'))];
  const say = (type: string, data: JsonObject): UpstreamEvent => ({ name: type, data: { type, ...data } });
  const events = [
    say('response.created', { response: { id: 'resp_1' } }),
    say('response.output_item.added', { output_index: 0, item: call('a', '') }),
    say('response.output_item.added', { output_index: 1, item: call('b', '') }),
    say('response.function_call_arguments.delta', { output_index: 1, delta: '{"y"' }),
    say('response.function_call_arguments.delta', { output_index: 0, delta: '{"x"' }),
    say('response.output_item.done', { output_index: 1, item: output[1] }),
    say('response.function_call_arguments.done', { output_index: 0, arguments: '{"x":1}' }),
    say('response.completed', { response: answerOf(output) }),
  ];
  const { content } = await assembleMessages(runStream(messagesOverResponses, events));
  assert.deepEqual(content, messagesOverResponses.answer(answerOf(output), ANSWER_CONTEXT)['content']);
});
