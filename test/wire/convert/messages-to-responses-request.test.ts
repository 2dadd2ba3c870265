import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverResponses } from '#wire/convert/messages-over-responses.ts';
import { REQUEST_CONTEXT, testRefused, testServed } from './crossing-tables.ts';

const BASE = { model: 'claude', max_tokens: 1_000, messages: [{ role: 'user', content: 'hi' }] };
const TABLE = { crossing: messagesOverResponses, base: BASE };
const RUN = { name: 'run', input_schema: { type: 'object' } };
const SEARCH = { type: 'web_search_20250305', name: 'web_search' };
const HI = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] };

function withUser(...content: JsonObject[]): JsonObject {
  return { messages: [{ role: 'user', content }] };
}

testServed(TABLE, [
  [
    'text is one message of the user',
    {},
    { model: 'upstream-model', max_output_tokens: 1_000, input: [HI], store: false },
  ],
  [
    'the system prompt is the instructions; marks for the cache are dropped, once',
    {
      system: [
        { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'b', cache_control: { type: 'ephemeral' } },
      ],
    },
    { instructions: 'a\n\nb' },
    ['cache_control'],
  ],
  [
    'system messages within the conversation are developer messages, the latest effort counts',
    { messages: [...BASE.messages, { role: 'system', content: 's', output_config: { effort: 'low' } }] },
    {
      input: [HI, { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 's' }] }],
      reasoning: { effort: 'low' },
    },
  ],
  [
    'calls and results are items in their order, thinking of earlier turns is dropped',
    {
      messages: [
        ...BASE.messages,
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 's' },
            { type: 'text', text: 'ok' },
            { type: 'tool_use', id: 'a', name: 'run', input: { x: 1 } },
            { type: 'tool_use', id: 'b', name: 'run', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'one', is_error: true },
            {
              type: 'tool_result',
              tool_use_id: 'b',
              content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } }],
            },
            { type: 'text', text: 'and?' },
          ],
        },
      ],
    },
    {
      input: [
        HI,
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'ok' }] },
        { type: 'function_call', call_id: 'a', name: 'run', arguments: '{"x":1}' },
        { type: 'function_call', call_id: 'b', name: 'run', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'one' },
        {
          type: 'function_call_output',
          call_id: 'b',
          output: [{ type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' }],
        },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'and?' }] },
      ],
    },
    ['messages.thinking', 'messages.is_error'],
  ],
  [
    'images and documents are told',
    withUser(
      { type: 'image', source: { type: 'url', url: 'https://a/b.png' } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' }, context: 'c' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hi' }, title: 't' },
      { type: 'document', source: { type: 'url', url: 'https://a/b.pdf' } },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'in' }] } },
    ),
    {
      input: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_image', image_url: 'https://a/b.png', detail: 'auto' },
            { type: 'input_text', text: 'c' },
            { type: 'input_file', filename: 'document.pdf', file_data: 'data:application/pdf;base64,AA==' },
            { type: 'input_file', filename: 't', file_data: 'data:text/plain;base64,aGk=' },
            { type: 'input_file', file_url: 'https://a/b.pdf' },
            { type: 'input_text', text: 'in' },
          ],
        },
      ],
    },
  ],
  [
    'tools are functions that are not strict unless they say so; hints are dropped',
    {
      tools: [
        { ...RUN, description: 'd' },
        { ...RUN, name: 'go', type: 'custom', strict: true, defer_loading: true },
      ],
    },
    {
      tools: [
        { type: 'function', name: 'run', parameters: { type: 'object' }, strict: false, description: 'd' },
        { type: 'function', name: 'go', parameters: { type: 'object' }, strict: true },
      ],
    },
    ['tools.defer_loading'],
  ],
  ['any tool', { tools: [RUN], tool_choice: { type: 'any' } }, { tool_choice: 'required' }],
  ['no tool', { tools: [RUN], tool_choice: { type: 'none' } }, { tool_choice: 'none' }],
  [
    'one tool, one call at a time',
    { tools: [RUN], tool_choice: { type: 'tool', name: 'run', disable_parallel_tool_use: true } },
    { tool_choice: { type: 'function', name: 'run' }, parallel_tool_calls: false },
  ],
  [
    'web search is the same tool, and its sources are asked for',
    {
      tools: [{ ...SEARCH, allowed_domains: ['a.org'], max_uses: 2 }],
      tool_choice: { type: 'tool', name: 'web_search' },
    },
    {
      tools: [{ type: 'web_search', filters: { allowed_domains: ['a.org'] } }],
      tool_choice: { type: 'web_search' },
      max_tool_calls: 2,
      include: ['web_search_call.action.sources'],
    },
  ],
  [
    'a budget of thinking is effort, and thinking that is shown a summary',
    { thinking: { type: 'enabled', budget_tokens: 10_000 } },
    { reasoning: { effort: 'medium', summary: 'auto' } },
  ],
  [
    'adaptive thinking that is omitted is effort alone',
    { thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'xhigh' } },
    { reasoning: { effort: 'xhigh' } },
  ],
  ['thinking that is switched off is no effort', { thinking: { type: 'disabled' } }, { reasoning: { effort: 'none' } }],
  [
    'a schema for the answer is strict',
    { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
    { text: { format: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true } } },
  ],
  [
    'a limit below the least that Responses takes is raised and named',
    { max_tokens: 1 },
    { max_output_tokens: 16 },
    ['max_tokens'],
  ],
  ['sampling is the same', { temperature: 0.2, top_p: 0.5 }, { temperature: 0.2, top_p: 0.5 }],
  ['who asks is told', { metadata: { user_id: 'u' } }, { safety_identifier: 'u' }],
  [
    'unless it is too long',
    { metadata: { user_id: 'u'.repeat(65) } },
    { safety_identifier: undefined },
    ['metadata.user_id'],
  ],
  ['tiers have their counterpart', { service_tier: 'standard_only' }, { service_tier: 'default' }],
  [
    'what changes no answer is dropped and named',
    {
      context_management: { edits: [] },
      cache_control: { type: 'ephemeral' },
      unknown: 1,
      speed: 'standard',
      top_k: null,
    },
    {},
    ['context_management', 'cache_control', 'unknown'],
  ],
]);

testRefused(TABLE, [
  ['stop_sequences', { stop_sequences: ['x'] }],
  ['top_k', { top_k: 5 }],
  ['container', { container: 'c' }],
  ['mcp_servers', { mcp_servers: [{ url: 'x' }] }],
  ['speed', { speed: 'fast' }],
  ['inference_geo', { inference_geo: 'us' }],
  ['messages', { messages: 'hi' }],
  ['messages.1', { messages: [...BASE.messages, { role: 'assistant', content: 'so' }] }],
  ['messages.0.role', { messages: [{ role: 'robot', content: 'x' }] }],
  ['messages.0.content.0', withUser({ type: 'search_result', source: 's', title: 't', content: [] })],
  ['messages.0.content.0.source', withUser({ type: 'image', source: { type: 'file', file_id: 'f' } })],
  [
    'messages.0.content.0.citations',
    withUser({ type: 'document', source: { type: 'url', url: 'x' }, citations: { enabled: true } }),
  ],
  ['tools.0', { tools: [{ type: 'bash_20250124', name: 'bash' }] }],
  ['tools.0.blocked_domains', { tools: [{ ...SEARCH, blocked_domains: ['a'] }] }],
  ['tool_choice.name', { tools: [RUN], tool_choice: { type: 'tool', name: 'other' } }],
  ['temperature', { temperature: 'hot' }],
]);

test('messages over responses: a stream is asked for where the client wants one', () => {
  assert.equal(messagesOverResponses.request(BASE, { ...REQUEST_CONTEXT, stream: true }).body!['stream'], true);
});
