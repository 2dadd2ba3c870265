import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { REQUEST_CONTEXT, testRefused, testServed } from './crossing-tables.ts';

const TABLE = { crossing: responsesOverMessages, base: { model: 'gpt', input: 'hi' } };
const RUN = { type: 'function', name: 'run', parameters: { type: 'object' }, strict: false };
const USER_HI = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

function user(...content: JsonObject[]): JsonObject {
  return { type: 'message', role: 'user', content };
}

testServed(TABLE, [
  [
    'effort and summary are thinking',
    { reasoning: { effort: 'high', summary: 'auto' } },
    { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } },
  ],
  [
    'no effort is no thinking',
    { reasoning: { effort: 'none' } },
    { thinking: { type: 'disabled' }, output_config: undefined },
  ],
  [
    'a summary without an effort is dropped',
    { reasoning: { summary: 'auto' } },
    { thinking: undefined },
    ['reasoning.summary'],
  ],
  [
    'a call that is forced goes without thinking, which Messages does not take together',
    { reasoning: { effort: 'high' }, tools: [RUN], tool_choice: 'required' },
    { thinking: undefined, tool_choice: { type: 'any' } },
    ['reasoning.effort'],
  ],
  [
    'signed thinking comes back to where it came from, what others encrypted is dropped',
    {
      input: [
        { role: 'user', content: 'hi' },
        { type: 'reasoning', id: 'r', summary: [], encrypted_content: 'gAAAA' },
        {
          type: 'reasoning',
          id: 's',
          summary: [{ type: 'summary_text', text: 'hm' }],
          encrypted_content: 'penstock-messages-thinking:c2ln',
        },
        { type: 'reasoning', id: 't', summary: [], encrypted_content: 'penstock-messages-redacted:ZGF0YQ==' },
        { type: 'function_call', call_id: 'a', name: 'run', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: '' },
      ],
    },
    {
      messages: [
        USER_HI,
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
            { type: 'redacted_thinking', data: 'ZGF0YQ==' },
            { type: 'tool_use', id: 'a', name: 'run', input: {} },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: '' }] },
      ],
    },
    ['input.reasoning'],
  ],
  [
    'a schema for the answer stays; its name is dropped',
    {
      text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true }, verbosity: 'low' },
    },
    { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
    ['text.verbosity', 'text.format.name'],
  ],
  ['plain text needs no format', { text: { format: { type: 'text' } } }, { output_config: undefined }],
  [
    'limits and sampling are the same',
    { max_output_tokens: 5, temperature: 0, top_p: 0.5 },
    { max_tokens: 5, temperature: 0, top_p: 0.5 },
  ],
  ['who asks is told', { safety_identifier: 's', user: 'u' }, { metadata: { user_id: 's' } }],
  ['tiers have their counterpart', { service_tier: 'default' }, { service_tier: 'standard_only' }],
  [
    'what changes no answer is dropped and named, null is nothing',
    {
      metadata: { a: 'b' },
      prompt_cache_key: 'k',
      client_metadata: { x: 'y' },
      truncation: 'auto',
      include: ['reasoning.encrypted_content', 'file_search_call.results'],
      store: false,
      previous_response_id: null,
      background: false,
      max_tool_calls: 2,
      user: null,
    },
    { metadata: undefined },
    [
      'metadata',
      'prompt_cache_key',
      'client_metadata',
      'truncation',
      'include.file_search_call.results',
      'max_tool_calls',
    ],
  ],
  [
    'searches of earlier turns are dropped and named',
    {
      input: [
        { role: 'user', content: 'hi' },
        { type: 'web_search_call', id: 'w', status: 'completed' },
      ],
    },
    { messages: [USER_HI] },
    ['input.web_search_call'],
  ],
]);

testRefused(TABLE, [
  ['previous_response_id', { previous_response_id: 'resp_1' }],
  ['conversation', { conversation: { id: 'c' } }],
  ['store', { store: true }],
  ['background', { background: true }],
  ['generate', { generate: false }],
  ['prompt', { prompt: { id: 'p' } }],
  ['context_management', { context_management: [{ type: 'compaction' }] }],
  ['moderation', { moderation: { model: 'm' } }],
  ['top_logprobs', { top_logprobs: 2 }],
  ['include.0', { include: ['message.output_text.logprobs'] }],
  ['temperature', { temperature: 1.5 }],
  ['temperature', { temperature: '1' }],
  ['service_tier', { service_tier: 'flex' }],
  ['text.format', { text: { format: { type: 'json_object' } } }],
  ['reasoning.effort', { reasoning: { effort: 'enormous' } }],
  ['input', { input: 5 }],
  [
    'input',
    {
      input: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    },
  ],
  ['input.0', { input: [{ type: 'item_reference', id: 'x' }] }],
  ['input.0', { input: [{ type: 'compaction', encrypted_content: 'x' }] }],
  ['input.0.content.0', { input: [user({ type: 'input_audio', input_audio: {} })] }],
  ['input.0.content.0', { input: [user({ type: 'input_image', file_id: 'f' })] }],
  ['input.0.content.0', { input: [user({ type: 'input_file', file_id: 'f' })] }],
  ['input.0.arguments', { input: [{ type: 'function_call', call_id: 'a', name: 'n', arguments: '{' }] }],
  ['tools.0', { tools: [{ type: 'file_search' }] }],
  ['tools.0', { tools: [{ type: 'mcp' }] }],
  ['tools.0.name', { tools: [{ ...RUN, name: 'x--freeform' }] }],
  ['tool_choice', { tools: [RUN], tool_choice: { type: 'function', name: 'other' } }],
]);

test('a stream is asked for where the client wants one', () => {
  const { body } = responsesOverMessages.request(TABLE.base, { ...REQUEST_CONTEXT, stream: true });
  assert.equal(body!['stream'], true);
});
