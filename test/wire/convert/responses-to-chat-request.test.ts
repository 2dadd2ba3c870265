import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { responsesOverChat } from '#wire/convert/responses-over-chat.ts';
import { REQUEST_CONTEXT, testRefused, testServed } from './crossing-tables.ts';

const TABLE = { crossing: responsesOverChat, base: { model: 'gpt', input: 'hi' } };
const HI = { role: 'user', content: 'hi' };
const RUN = { type: 'function', name: 'run', parameters: { type: 'object' }, strict: false };
const GRAMMAR = { type: 'grammar', syntax: 'lark', definition: 'start: x' };

function user(...content: JsonObject[]): JsonObject {
  return { type: 'message', role: 'user', content };
}

testServed(TABLE, [
  ['text is one message', {}, { model: 'upstream-model', messages: [HI], stream: undefined }],
  [
    'instructions and developer messages are system messages, which every upstream knows',
    { instructions: 'a', input: [{ role: 'developer', content: 'b' }, HI] },
    {
      messages: [
        { role: 'system', content: 'a' },
        { role: 'system', content: [{ type: 'text', text: 'b' }] },
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      ],
    },
  ],
  [
    'what the assistant said and called is one message, results follow',
    {
      input: [
        user({ type: 'input_text', text: 'hi' }),
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'ok' }] },
        { type: 'function_call', call_id: 'a', name: 'run', arguments: '{}' },
        { type: 'custom_tool_call', call_id: 'b', name: 'exec', namespace: 'functions', input: 'x()' },
        { type: 'function_call_output', call_id: 'a', output: 'one' },
        { type: 'custom_tool_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'two' }] },
        { type: 'function_call', call_id: 'c', name: 'run', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: '' },
      ],
    },
    {
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
        {
          role: 'assistant',
          content: 'ok',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'run', arguments: '{}' } },
            { id: 'b', type: 'custom', custom: { name: 'functions--exec', input: 'x()' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'one' },
        { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'two' }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'run', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: '' },
      ],
    },
  ],
  [
    'reasoning that a Chat upstream wrote goes back to it, any other is dropped',
    {
      input: [
        { type: 'reasoning', id: 'r', summary: [], encrypted_content: 'gAAAA' },
        {
          type: 'reasoning',
          id: 's',
          summary: [{ type: 'summary_text', text: 'hm' }],
          encrypted_content: 'penstock-chat-reasoning',
        },
        { type: 'function_call', call_id: 'a', name: 'run', arguments: '{}' },
      ],
    },
    {
      messages: [
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'run', arguments: '{}' } }],
        },
      ],
    },
    ['input.reasoning'],
  ],
  [
    'images and files are told',
    {
      input: [
        user(
          { type: 'input_image', image_url: 'https://a/b.png', detail: 'high' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
        ),
      ],
    },
    {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'high' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
          ],
        },
      ],
    },
  ],
  [
    'tools of namespaces travel under joined names, free-form ones stay free-form',
    {
      tools: [
        { ...RUN, description: 'd', strict: true },
        { type: 'namespace', name: 'm', description: '', tools: [{ type: 'custom', name: 'exec', format: GRAMMAR }] },
      ],
      tool_choice: { type: 'custom', name: 'exec' },
    },
    {
      tools: [
        { type: 'function', function: { name: 'run', description: 'd', parameters: { type: 'object' }, strict: true } },
        {
          type: 'custom',
          custom: { name: 'm--exec', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: x' } } },
        },
      ],
      tool_choice: { type: 'custom', custom: { name: 'm--exec' } },
    },
  ],
  [
    'web search that must not reach the web is left out',
    { tools: [{ type: 'web_search', external_web_access: false }], parallel_tool_calls: true },
    { tools: undefined, parallel_tool_calls: undefined },
    ['tools.web_search'],
  ],
  [
    'format, verbosity, effort and limit have their counterparts; a summary cannot be asked for',
    {
      text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: true }, verbosity: 'low' },
      reasoning: { effort: 'low', summary: 'auto' },
      max_output_tokens: 5,
    },
    {
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: true } },
      verbosity: 'low',
      reasoning_effort: 'low',
      max_completion_tokens: 5,
    },
    ['reasoning.summary'],
  ],
  [
    'log probabilities',
    { include: ['message.output_text.logprobs'], top_logprobs: 2 },
    { logprobs: true, top_logprobs: 2 },
  ],
  [
    'what changes no answer is dropped and named',
    {
      metadata: { a: 'b' },
      include: ['reasoning.encrypted_content'],
      client_metadata: {},
      store: false,
      max_tool_calls: 1,
    },
    { metadata: undefined, store: undefined },
    ['metadata', 'client_metadata', 'max_tool_calls', 'include.reasoning.encrypted_content'],
  ],
]);

testRefused(TABLE, [
  ['previous_response_id', { previous_response_id: 'r' }],
  ['conversation', { conversation: 'c' }],
  ['store', { store: true }],
  ['background', { background: true }],
  ['generate', { generate: false }],
  ['prompt', { prompt: { id: 'p' } }],
  ['context_management', { context_management: [{ type: 'compaction' }] }],
  ['input', { input: null }],
  ['input.0', { input: [{ type: 'item_reference', id: 'x' }] }],
  ['input.0.content.0', { input: [user({ type: 'input_file', file_url: 'https://a' })] }],
  [
    'input.0.output',
    { input: [{ type: 'function_call_output', call_id: 'a', output: [{ type: 'input_image', image_url: 'x' }] }] },
  ],
  ['tools.0', { tools: [{ type: 'web_search' }] }],
  ['tools.0', { tools: [{ type: 'image_generation' }] }],
  ['tools.0.tools.0.name', { tools: [{ type: 'namespace', name: 'n', tools: [{ ...RUN, name: 'x'.repeat(63) }] }] }],
  ['tool_choice', { tools: [RUN], tool_choice: { type: 'function', name: 'other' } }],
]);

test('responses over chat: a stream is asked for with its usage', () => {
  const { body } = responsesOverChat.request(TABLE.base, { ...REQUEST_CONTEXT, stream: true });
  assert.deepEqual([body!['stream'], body!['stream_options']], [true, { include_usage: true }]);
});
