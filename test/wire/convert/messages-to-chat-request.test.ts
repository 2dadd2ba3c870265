import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, RequestResult } from '#wire/convert/crossing.ts';
import { messagesToChatRequest } from '#wire/convert/messages-to-chat-request.ts';

const CONTEXT = { model: 'gpt', stream: false, maxTokensDefault: 4096 };
const BARE = { model: 'claude', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const BARE_CHAT = { model: 'gpt', messages: [{ role: 'user', content: 'hi' }], max_completion_tokens: 10 };

function convert(more: JsonObject): RequestResult {
  return messagesToChatRequest({ ...BARE, ...more }, CONTEXT);
}

/** What `more` adds to the bare request, and the names that it loses. */
function added(more: JsonObject): JsonObject {
  const { body, dropped, unsupported } = convert(more);
  assert.equal(unsupported, null);
  const { model, messages, max_completion_tokens, ...rest } = body!;
  return dropped.length === 0 ? rest : { ...rest, dropped };
}

test('a bare request crosses with the model of the upstream', () => {
  assert.deepEqual(convert({}), { body: BARE_CHAT, dropped: [], unsupported: null });
});

test('a stream always asks for its usage', () => {
  const { body } = messagesToChatRequest({ ...BARE, stream: true }, { ...CONTEXT, stream: true });
  assert.deepEqual(body, { ...BARE_CHAT, stream: true, stream_options: { include_usage: true } });
});

test('each field has its counterpart', () => {
  const schema = { type: 'object' };
  const format = { type: 'json_schema', schema };
  const response_format = { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };
  const cases: [messages: JsonObject, chat: JsonObject][] = [
    [
      { temperature: 0.5, top_p: 0.9 },
      { temperature: 0.5, top_p: 0.9 },
    ],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ stop_sequences: ['a', 'b'] }, { stop: ['a', 'b'] }],
    [{ stop_sequences: [] }, {}],
    [{ service_tier: 'auto' }, { service_tier: 'auto' }],
    [{ service_tier: 'standard_only' }, { service_tier: 'default' }],
    [{ metadata: { user_id: 'u' } }, { user: 'u' }],
    [{ metadata: { user_id: null } }, {}],
    [{ thinking: { type: 'disabled' } }, { reasoning_effort: 'none' }],
    [{ thinking: { type: 'enabled', budget_tokens: 2048 } }, { reasoning_effort: 'low' }],
    [{ thinking: { type: 'enabled', budget_tokens: 10_000 } }, { reasoning_effort: 'medium' }],
    [{ thinking: { type: 'enabled', budget_tokens: 32_000 } }, { reasoning_effort: 'high' }],
    [
      { thinking: { type: 'enabled', budget_tokens: 32_000 }, output_config: { effort: 'low' } },
      { reasoning_effort: 'low' },
    ],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, { reasoning_effort: 'max' }],
    [{ thinking: { type: 'adaptive' } }, {}],
    [{ output_config: { format } }, { response_format }],
    [{ output_format: format }, { response_format }],
  ];
  for (const [messages, chat] of cases) assert.deepEqual(added(messages), chat);
});

test('the effort of the latest system message counts before that of the request', () => {
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'system', content: 'x', output_config: { effort: 'medium' } },
    { role: 'user', content: 'ho' },
  ];
  assert.equal(added({ messages, output_config: { effort: 'max' } })['reasoning_effort'], 'medium');
});

test('tools cross with their schema as it is', () => {
  const input_schema = { type: 'object', properties: { x: { enum: [1, null] } } };
  const tools = [
    { name: 'f', description: 'd', input_schema, strict: true },
    { name: 'g', type: 'custom' },
  ];
  assert.deepEqual(added({ tools }), {
    tools: [
      { type: 'function', function: { name: 'f', description: 'd', parameters: input_schema, strict: true } },
      { type: 'function', function: { name: 'g' } },
    ],
  });
});

test('every choice of a tool has its counterpart, and parallel calls can be switched off with each', () => {
  const disable_parallel_tool_use = true;
  const named = { type: 'function', function: { name: 'f' } };
  const cases: [messages: JsonObject, chat: JsonObject][] = [
    [{ type: 'auto' }, { tool_choice: 'auto' }],
    [{ type: 'any' }, { tool_choice: 'required' }],
    [{ type: 'none' }, { tool_choice: 'none' }],
    [{ type: 'tool', name: 'f' }, { tool_choice: named }],
    [
      { type: 'auto', disable_parallel_tool_use },
      { tool_choice: 'auto', parallel_tool_calls: false },
    ],
    [
      { type: 'any', disable_parallel_tool_use },
      { tool_choice: 'required', parallel_tool_calls: false },
    ],
    [
      { type: 'tool', name: 'f', disable_parallel_tool_use },
      { tool_choice: named, parallel_tool_calls: false },
    ],
    [{ type: 'auto', disable_parallel_tool_use: false }, { tool_choice: 'auto' }],
  ];
  for (const [tool_choice, chat] of cases) {
    const { tools, ...rest } = added({ tools: [{ name: 'f' }], tool_choice });
    assert.deepEqual(rest, chat);
  }
});

test('what changes nothing in the answer is left out by name', () => {
  const cases: [more: JsonObject, dropped: string[]][] = [
    [
      { cache_control: { type: 'ephemeral' }, context_management: {}, speed: 'fast' },
      ['cache_control', 'context_management', 'speed'],
    ],
    [{ from_the_future: 1, nothing: null }, ['from_the_future']],
    [{ thinking: { type: 'adaptive', display: 'omitted' } }, ['thinking.display']],
    [{ thinking: { type: 'between_tools' } }, ['thinking']],
    [{ output_config: { task_budget: {} } }, ['output_config.task_budget']],
    [{ metadata: { user_id: 'x'.repeat(65), other: 1 } }, ['metadata.other', 'metadata.user_id']],
    [{ service_tier: 'new' }, ['service_tier']],
  ];
  for (const [more, dropped] of cases) assert.deepEqual(added(more), { dropped });
  const tools = [{ name: 'f', cache_control: {}, defer_loading: true, input_examples: [] }];
  assert.deepEqual(added({ tools })['dropped'], ['tools.cache_control', 'tools.defer_loading', 'tools.input_examples']);
});

test('what would change the answer is refused at its path', () => {
  const cases: [more: JsonObject, path: string][] = [
    [{ top_k: 5 }, 'top_k'],
    [{ mcp_servers: [{}] }, 'mcp_servers'],
    [{ container: 'c' }, 'container'],
    [{ inference_geo: 'us' }, 'inference_geo'],
    [{ stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, 'stop_sequences'],
    [{ stop_sequences: 'a' }, 'stop_sequences'],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools.0'],
    [{ tools: [{ name: 'f' }, { type: 'bash_20250124', name: 'bash' }] }, 'tools.1'],
    [{ tools: [null] }, 'tools.0'],
    [{ tools: {} }, 'tools'],
    [{ tool_choice: { type: 'new' } }, 'tool_choice.type'],
    [{ tool_choice: 'auto' }, 'tool_choice'],
    [{ output_config: { format: { type: 'grammar' } } }, 'output_config.format'],
    [{ output_format: { type: 'json_schema' } }, 'output_format'],
    [{ max_tokens: '10' }, 'max_tokens'],
    [{ temperature: {} }, 'temperature'],
    [{ thinking: true }, 'thinking'],
  ];
  for (const [more, path] of cases) {
    const { body, unsupported } = convert(more);
    assert.equal(body, null);
    assert.equal(unsupported?.path, path);
  }
});

test('fields that ask for nothing are no reason to refuse', () => {
  assert.deepEqual(added({ top_k: null, mcp_servers: [], container: null }), {});
});
