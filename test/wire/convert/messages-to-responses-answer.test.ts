import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { assembleResponses } from './assemble-responses.ts';
import { ANSWER_CONTEXT, dataOf, runStream, type UpstreamEvent } from './run-stream.ts';
import { messagesEvents } from './upstream-events.ts';

function answerOf(content: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  const usage = { input_tokens: 10, output_tokens: 5 };
  return { id: 'msg_1', type: 'message', content, stop_reason: 'end_turn', usage, ...more };
}

/** What the client gets as JSON; the stream has to come to the same. */
async function turned(answer: JsonObject): Promise<JsonObject> {
  const json = responsesOverMessages.answer(answer, ANSWER_CONTEXT);
  const text = runStream(responsesOverMessages, messagesEvents(answer, seededRandom(5)));
  assert.deepEqual(await assembleResponses(text), json);
  return json;
}

test('every stop reason has its status', async () => {
  const reasons = {
    end_turn: null,
    stop_sequence: null,
    tool_use: null,
    max_tokens: 'max_output_tokens',
    model_context_window_exceeded: 'max_output_tokens',
    refusal: 'content_filter',
    pause_turn: 'max_messages',
  };
  for (const [stop_reason, reason] of Object.entries(reasons)) {
    const { status, incomplete_details } = await turned(answerOf([{ type: 'text', text: 'a' }], { stop_reason }));
    assert.deepEqual([status, incomplete_details], reason === null ? ['completed', null] : ['incomplete', { reason }]);
  }
});

test('input tokens include what was read from the cache and written to it', async () => {
  const usage = {
    input_tokens: 10,
    cache_read_input_tokens: 200,
    cache_creation_input_tokens: 30,
    output_tokens: 50,
    output_tokens_details: { thinking_tokens: 20 },
    service_tier: 'priority',
  };
  const answer = await turned(answerOf([], { usage }));
  assert.deepEqual(answer['usage'], {
    input_tokens: 240,
    input_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
    output_tokens: 50,
    output_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 290,
  });
  assert.equal(answer['service_tier'], 'priority');
});

test('thinking is reasoning with its signature carried along', async () => {
  const { output } = await turned(
    answerOf([
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'ZGF0YQ==' },
    ]),
  );
  assert.deepEqual(output, [
    {
      id: 'rs_req-1_0',
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'hm' }],
      encrypted_content: 'penstock-messages-thinking:c2ln',
    },
    { id: 'rs_req-1_1', type: 'reasoning', summary: [], encrypted_content: 'penstock-messages-redacted:ZGF0YQ==' },
  ]);
});

test('calls get back the kind, namespace and name that the client gave their tools', async () => {
  const { output } = await turned(
    answerOf([
      { type: 'tool_use', id: 'a', name: 'functions--exec--freeform', input: { input: 'x("1")\n' } },
      { type: 'tool_use', id: 'b', name: 'functions--wait', input: { ms: 5 } },
      { type: 'tool_use', id: 'c', name: 'run', input: {} },
    ]),
  );
  const status = 'completed';
  assert.deepEqual(output, [
    {
      id: 'ctc_req-1_0',
      type: 'custom_tool_call',
      status,
      call_id: 'a',
      name: 'exec',
      namespace: 'functions',
      input: 'x("1")\n',
    },
    {
      id: 'fc_req-1_1',
      type: 'function_call',
      status,
      call_id: 'b',
      name: 'wait',
      namespace: 'functions',
      arguments: '{"ms":5}',
    },
    { id: 'fc_req-1_2', type: 'function_call', status, call_id: 'c', name: 'run', arguments: '{}' },
  ]);
});

test('a search and what cites it are told', async () => {
  const citation = {
    type: 'web_search_result_location',
    url: 'https://a',
    title: 'A',
    cited_text: 'x',
    encrypted_index: 'e',
  };
  const { output } = await turned(
    answerOf([
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', url: 'https://a' }] },
      { type: 'text', text: 'said', citations: [citation] },
    ]),
  );
  const [search, message] = output as [JsonObject, { content: JsonObject[] }];
  const sources = [{ type: 'url', url: 'https://a' }];
  assert.deepEqual(search['action'], { type: 'search', query: 'q', queries: ['q'], sources });
  assert.deepEqual(message.content[0]!['annotations'], [
    { type: 'url_citation', url: 'https://a', title: 'A', start_index: 0, end_index: 4 },
  ]);
});

test('an error within the stream is an error event with a code that clients know', () => {
  const data = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  const start = { name: 'message_start', data: { type: 'message_start', message: { id: 'msg_1' } } };
  const events: UpstreamEvent[] = [start, { name: 'error', data }];
  assert.deepEqual(dataOf(runStream(responsesOverMessages, events)).at(-1), {
    type: 'error',
    sequence_number: 2,
    code: 'server_is_overloaded',
    message: 'Overloaded',
    param: null,
  });
});

test('errors have the type and code of OpenAI', () => {
  const codes: [number, string, string | null][] = [
    [400, 'invalid_request_error', null],
    [401, 'authentication_error', 'invalid_api_key'],
    [402, 'billing_error', 'insufficient_quota'],
    [404, 'not_found_error', 'model_not_found'],
    [413, 'request_too_large', 'request_too_large'],
    [429, 'rate_limit_error', 'rate_limit_exceeded'],
    [500, 'api_error', 'server_error'],
    [529, 'overloaded_error', 'server_is_overloaded'],
  ];
  for (const [status, type, code] of codes) {
    const { error } = responsesOverMessages.error(
      status,
      { type: 'error', error: { type, message: 'm' } },
      ANSWER_CONTEXT,
    );
    assert.deepEqual([(error as JsonObject)['message'], (error as JsonObject)['code']], ['m', code], type);
  }
});

test('a prompt that does not fit is told as such', () => {
  const body = { error: { type: 'invalid_request_error', message: 'prompt is too long: 3 tokens > 2 maximum' } };
  const { error } = responsesOverMessages.error(400, body, ANSWER_CONTEXT);
  assert.equal((error as JsonObject)['code'], 'context_length_exceeded');
});
