import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { assembleResponses } from './assemble-responses.ts';
import { ANSWER_CONTEXT, dataOf, runStream, type UpstreamEvent } from './run-stream.ts';

function chunk(delta: JsonObject, finish_reason: string | null = null, more: JsonObject = {}): UpstreamEvent {
  return { name: '', data: { id: 'c', choices: [{ index: 0, delta, finish_reason }], ...more } };
}

function answerOf(message: JsonObject, finish_reason = 'stop'): JsonObject {
  return {
    id: 'c',
    choices: [{ index: 0, message, finish_reason }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  };
}

async function assembled(...events: UpstreamEvent[]): Promise<JsonObject> {
  return assembleResponses(runStream(responsesOverChat, events));
}

test('how an answer ended has its status', () => {
  const rows = { stop: null, tool_calls: null, length: 'max_output_tokens', content_filter: 'content_filter' };
  for (const [finish, reason] of Object.entries(rows)) {
    const { status, incomplete_details } = responsesOverChat.answer(answerOf({ content: 'a' }, finish), ANSWER_CONTEXT);
    assert.deepEqual([status, incomplete_details], reason === null ? ['completed', null] : ['incomplete', { reason }]);
  }
});

test('calls get back kind, namespace and name', () => {
  const tool_calls = [
    { id: 'a', type: 'custom', custom: { name: 'functions--exec', input: 'x()' } },
    { id: 'b', type: 'function', function: { name: 'run', arguments: '{}' } },
  ];
  const status = 'completed';
  assert.deepEqual(
    responsesOverChat.answer(answerOf({ content: null, tool_calls }, 'tool_calls'), ANSWER_CONTEXT)['output'],
    [
      {
        id: 'ctc_req-1_0',
        type: 'custom_tool_call',
        status,
        call_id: 'a',
        name: 'exec',
        namespace: 'functions',
        input: 'x()',
      },
      { id: 'fc_req-1_1', type: 'function_call', status, call_id: 'b', name: 'run', arguments: '{}' },
    ],
  );
});

test('refusals, citations and reasoning are told', () => {
  const citation = { url: 'https://a', title: 'A', start_index: 0, end_index: 1 };
  const annotations = [{ type: 'url_citation', url_citation: citation }];
  const message = { reasoning: 'hm', content: 'a', refusal: 'no', annotations };
  assert.deepEqual(responsesOverChat.answer(answerOf(message), ANSWER_CONTEXT)['output'], [
    {
      id: 'rs_req-1_0',
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'hm' }],
      encrypted_content: 'penstock-chat-reasoning',
    },
    {
      id: 'msg_req-1_1',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [
        { type: 'output_text', text: 'a', annotations: [{ type: 'url_citation', ...citation }], logprobs: [] },
        { type: 'refusal', refusal: 'no' },
      ],
    },
  ]);
});

test('usage counts wherever it comes: in every chunk, with the end, behind it', async () => {
  const usage = (completion_tokens: number) => ({ usage: { prompt_tokens: 3, completion_tokens } });
  for (const events of [
    [chunk({ content: 'a' }, null, usage(1)), chunk({}, 'stop', usage(2))],
    [chunk({ content: 'a' }), chunk({}, 'stop', usage(2))],
    [chunk({ content: 'a' }), chunk({}, 'stop'), { name: '', data: { id: 'c', choices: [], ...usage(2) } }],
  ]) {
    assert.equal(((await assembled(...events))['usage'] as JsonObject)['total_tokens'], 5);
  }
});

test('pieces of calls that take turns are kept apart', async () => {
  const piece = (index: number, text: string) => chunk({ tool_calls: [{ index, function: { arguments: text } }] });
  const start = (index: number, id: string) =>
    chunk({ tool_calls: [{ index, id, type: 'function', function: { name: 'run', arguments: '' } }] });
  const { output } = await assembled(
    ...[start(0, 'a'), start(1, 'b'), piece(1, '{"y"'), piece(0, '{"x":1'), piece(1, ':2}'), piece(0, '}')],
    chunk({}, 'tool_calls'),
  );
  assert.deepEqual(
    (output as JsonObject[]).map((item) => [item['call_id'], item['arguments']]),
    [
      ['a', '{"x":1}'],
      ['b', '{"y":2}'],
    ],
  );
});

test('calls that all have one index are told apart by their ids', async () => {
  const whole = (id: string, text: string) =>
    chunk({ tool_calls: [{ index: 0, id, type: 'function', function: { name: 'run', arguments: text } }] });
  const { output } = await assembled(whole('a', '{"x":1}'), whole('b', '{"y":2}'), chunk({}, 'tool_calls'));
  assert.deepEqual(
    (output as JsonObject[]).map((item) => item['call_id']),
    ['a', 'b'],
  );
});

test('an error within the stream is an error event, in whatever form it comes', () => {
  for (const [error, message] of [
    [{ message: 'm', type: 'server_error', code: 'x' }, 'm'],
    ['m', 'm'],
    [{}, 'The upstream broke off without a reason.'],
  ] as const) {
    const told = dataOf(runStream(responsesOverChat, [chunk({ content: 'a' }), { name: '', data: { error } }])).at(-1);
    assert.deepEqual([(told as JsonObject)['type'], (told as JsonObject)['message']], ['error', message]);
  }
});

test('an answer whose end was told only by [DONE] is given none', () => {
  assert.doesNotMatch(runStream(responsesOverChat, [chunk({ content: 'a' })]), /response\.(completed|incomplete)/);
});

test('an answer that ends within a call leaves it incomplete', async () => {
  const call = { index: 0, id: 'a', type: 'function', function: { name: 'run', arguments: '{"x' } };
  const { status, output } = await assembled(chunk({ tool_calls: [call] }), chunk({}, 'length'));
  assert.deepEqual([status, (output as [JsonObject])[0]['status']], ['incomplete', 'incomplete']);
});
