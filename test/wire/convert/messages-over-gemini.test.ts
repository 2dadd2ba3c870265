import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { messagesOverGemini as crossing } from '#wire/convert/messages-over-gemini.ts';
import {
  ANSWER,
  assertGolden,
  builtMessage,
  chunk,
  GARBAGE,
  nested,
  parseEvents,
  refused,
  streamed,
  streamText,
  turned,
} from './gemini-crossing-rig.ts';

const FOREIGN = 'skip_thought_signature_validator';

function ask(rest: JsonObject): JsonObject {
  return { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...rest };
}

function contentsOf(messages: JsonObject[], dropped: string[] = [], model = 'gemini-3-pro'): unknown {
  return turned(crossing, ask({ messages }), dropped, { model })['contents'];
}

test('texts of all roles become contents, system texts the systemInstruction', () => {
  const body = ask({
    system: [
      { type: 'text', text: 'be brief', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: '' },
    ],
    messages: [
      { role: 'user', content: 'a' },
      { role: 'user', content: [{ type: 'text', text: 'b' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'c' }] },
      { role: 'system', content: 'new rule' },
      { role: 'user', content: '' },
      { role: 'user', content: 'd' },
    ],
  });
  const request = turned(crossing, body, ['messages.cache_control']);
  assert.deepEqual(request['systemInstruction'], { parts: [{ text: 'be brief' }, { text: 'new rule' }] });
  assert.deepEqual(request['contents'], [
    { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
    { role: 'model', parts: [{ text: 'c' }] },
    { role: 'user', parts: [{ text: 'd' }] },
  ]);
});

test('images and documents become inlineData, fileData or text', () => {
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAA=' } };
  const messages = [
    {
      role: 'user',
      content: [
        image,
        { type: 'image', source: { type: 'url', url: 'https://x.test/a.webp?q=1' } },
        { type: 'image', source: { type: 'url', url: 'https://x.test/a' } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BBB=' } },
        { type: 'document', source: { type: 'url', url: 'https://x.test/b' } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' } },
        {
          type: 'document',
          title: 't',
          source: { type: 'content', content: [{ type: 'text', text: 'inner' }, image] },
        },
      ],
    },
  ];
  assert.deepEqual(contentsOf(messages, ['messages.document.title']), [
    {
      role: 'user',
      parts: [
        { inlineData: { mimeType: 'image/png', data: 'AAA=' } },
        { fileData: { mimeType: 'image/webp', fileUri: 'https://x.test/a.webp?q=1' } },
        { fileData: { mimeType: 'image/jpeg', fileUri: 'https://x.test/a' } },
        { inlineData: { mimeType: 'application/pdf', data: 'BBB=' } },
        { fileData: { mimeType: 'application/pdf', fileUri: 'https://x.test/b' } },
        { text: 'plain' },
        { text: 'inner' },
        { inlineData: { mimeType: 'image/png', data: 'AAA=' } },
      ],
    },
  ]);
});

const CALLS: JsonObject[] = [
  { role: 'user', content: 'weather?' },
  {
    role: 'assistant',
    content: [
      { type: 'text', text: 'looking' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Rome' } },
      { type: 'tool_use', id: 'toolu_2', name: 'weather', input: { city: 'Oslo' } },
    ],
  },
  {
    role: 'user',
    content: [
      { type: 'tool_result', tool_use_id: 'toolu_2', content: 'cold' },
      {
        type: 'tool_result',
        tool_use_id: 'toolu_1',
        is_error: true,
        content: [{ type: 'text', text: 'no such city' }],
      },
      { type: 'text', text: 'and now?' },
    ],
  },
];

test('parallel calls and their results keep ids, names and order, and the first call is signed', () => {
  assert.deepEqual(contentsOf(CALLS), [
    { role: 'user', parts: [{ text: 'weather?' }] },
    {
      role: 'model',
      parts: [
        { text: 'looking' },
        { functionCall: { id: 'toolu_1', name: 'weather', args: { city: 'Rome' } }, thoughtSignature: FOREIGN },
        { functionCall: { id: 'toolu_2', name: 'weather', args: { city: 'Oslo' } } },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { id: 'toolu_2', name: 'weather', response: { output: 'cold' } } },
        { functionResponse: { id: 'toolu_1', name: 'weather', response: { error: 'no such city' } } },
        { text: 'and now?' },
      ],
    },
  ]);
});

test('an image in a tool result lies in the response, for early models beside it', () => {
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAA=' } };
  const messages = [
    { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'shot', input: {} }] },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'ok' }, image] }],
    },
  ];
  const inline = { inlineData: { mimeType: 'image/png', data: 'AAA=' } };
  const response = { id: 't', name: 'shot', response: { output: 'ok' } };
  const parts = (model: string): unknown => (contentsOf(messages, [], model) as JsonObject[])[1]!['parts'];
  assert.deepEqual(parts('gemini-3-pro'), [{ functionResponse: { ...response, parts: [inline] } }]);
  assert.deepEqual(parts('gemini-2.5-pro'), [{ functionResponse: response }, inline]);
});

test('Gemini’s signature comes back to its call; foreign thinking is left out and named', () => {
  const thinking = (signature: string): JsonObject => ({ type: 'thinking', thinking: 'hm', signature });
  const call = { type: 'tool_use', id: 't', name: 'f', input: {} };
  const functionCall = { id: 't', name: 'f', args: {} };
  assert.deepEqual(contentsOf([{ role: 'assistant', content: [thinking('penstock-gemini-c2ln'), call] }]), [
    { role: 'model', parts: [{ functionCall, thoughtSignature: 'c2ln' }] },
  ]);
  const foreign = [thinking('EqQB'), { type: 'redacted_thinking', data: 'x' }, call];
  assert.deepEqual(
    contentsOf([{ role: 'assistant', content: foreign }], ['messages.thinking', 'messages.redacted_thinking']),
    [{ role: 'model', parts: [{ functionCall, thoughtSignature: FOREIGN }] }],
  );
});

test('tools are declared with their JSON schema, and the choice among them is kept', () => {
  const schema = { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'] };
  const tools = [
    { name: 'f', description: 'does f', input_schema: schema, cache_control: {} },
    { name: 'g', type: 'custom' },
  ];
  const choices: [JsonObject, JsonObject][] = [
    [{ type: 'auto' }, { mode: 'AUTO' }],
    [{ type: 'any' }, { mode: 'ANY' }],
    [{ type: 'none' }, { mode: 'NONE' }],
    [
      { type: 'tool', name: 'g' },
      { mode: 'ANY', allowedFunctionNames: ['g'] },
    ],
  ];
  for (const [tool_choice, functionCallingConfig] of choices) {
    const request = turned(crossing, ask({ tools, tool_choice }), ['tools.cache_control']);
    assert.deepEqual(request['toolConfig'], { functionCallingConfig });
    assert.deepEqual(request['tools'], [
      { functionDeclarations: [{ name: 'f', description: 'does f', parametersJsonSchema: schema }, { name: 'g' }] },
    ]);
  }
  turned(crossing, ask({ tools: [{ name: 'g' }], tool_choice: { type: 'auto', disable_parallel_tool_use: true } }), [
    'tool_choice.disable_parallel_tool_use',
  ]);
});

test('limits, sampling, stops and formats go into the generationConfig', () => {
  const schema = { type: 'object', properties: {} };
  const body = ask({
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    stop_sequences: ['END', ''],
    output_config: { format: { type: 'json_schema', schema } },
    stream: true,
  });
  assert.deepEqual(turned(crossing, body)['generationConfig'], {
    maxOutputTokens: 100,
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    stopSequences: ['END'],
    responseMimeType: 'application/json',
    responseJsonSchema: schema,
  });
});

test('thinking becomes a budget or a level, shown or not', () => {
  const cases: [JsonObject, string, JsonObject | undefined][] = [
    [
      { thinking: { type: 'enabled', budget_tokens: 2_000 } },
      'gemini-3-pro',
      { thinkingBudget: 2_000, includeThoughts: true },
    ],
    [
      { thinking: { type: 'enabled', budget_tokens: 2_000, display: 'omitted' } },
      'gemini-3-pro',
      { thinkingBudget: 2_000 },
    ],
    [{ thinking: { type: 'adaptive' } }, 'gemini-3-pro', { includeThoughts: true }],
    [
      { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } },
      'gemini-3-pro',
      { thinkingLevel: 'HIGH', includeThoughts: true },
    ],
    [{ output_config: { effort: 'low' } }, 'gemini-2.5-flash', { thinkingBudget: 1_024 }],
    [{ thinking: { type: 'disabled' } }, 'gemini-2.5-flash', { thinkingBudget: 0 }],
    [{ thinking: { type: 'disabled' } }, 'gemini-3-flash', { thinkingLevel: 'MINIMAL' }],
    [{ thinking: { type: 'disabled' } }, 'gemini-3-pro', { thinkingLevel: 'LOW' }],
    [{}, 'gemini-3-pro', undefined],
  ];
  for (const [rest, model, expected] of cases) {
    const config = turned(crossing, ask(rest), [], { model })['generationConfig'] as JsonObject;
    assert.deepEqual(config['thinkingConfig'], expected, JSON.stringify(rest));
  }
});

test('what is harmless is left out and named', () => {
  const body = ask({ metadata: { user_id: 'u' }, service_tier: 'auto', context_management: {}, unheard_of: 1 });
  turned(crossing, body, ['metadata', 'service_tier', 'context_management', 'unheard_of']);
});

test('what Gemini cannot express is refused with its path', () => {
  const block = (content: JsonObject): JsonObject => ask({ messages: [{ role: 'user', content: [content] }] });
  const cases: [JsonObject, string][] = [
    [ask({ messages: 7 }), 'messages'],
    [ask({ messages: [{ role: 'robot', content: '' }] }), 'messages.0.role'],
    [ask({ messages: [{ role: 'user', content: 7 }] }), 'messages.0.content'],
    [block({ type: 'server_tool_use' }), 'messages.0.content.0'],
    [block({ type: 'image', source: { type: 'file', file_id: 'f' } }), 'messages.0.content.0.source'],
    [block({ type: 'tool_result', tool_use_id: 'x' }), 'messages.0.content.0.tool_use_id'],
    [ask({ tools: [{ name: 'g' }, { type: 'web_search_20260209', name: 'web_search' }] }), 'tools.1'],
    [ask({ mcp_servers: [{ name: 'x' }] }), 'mcp_servers'],
    [ask({ container: 'c' }), 'container'],
    [ask({ stop_sequences: ['1', '2', '3', '4', '5', '6'] }), 'stop_sequences'],
    [ask({ temperature: 'hot' }), 'temperature'],
    [ask({ output_config: { format: { type: 'xml' } } }), 'output_config.format.type'],
    [ask({ tool_choice: { type: 'some' } }), 'tool_choice.type'],
  ];
  for (const [body, path] of cases) assert.equal(refused(crossing, body).path, path);
});

const USAGE = {
  promptTokenCount: 100,
  cachedContentTokenCount: 30,
  toolUsePromptTokenCount: 5,
  candidatesTokenCount: 7,
  thoughtsTokenCount: 11,
  totalTokenCount: 123,
};
const MESSAGES_USAGE = {
  input_tokens: 75,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 30,
  output_tokens: 18,
  output_tokens_details: { thinking_tokens: 11 },
};
const PARTS = [
  { text: 'let me ', thought: true },
  { text: 'see', thought: true },
  { text: 'Hel' },
  { text: 'lo' },
  { functionCall: { name: 'f', args: { a: '"\n' } }, thoughtSignature: 'c2ln' },
  { functionCall: { id: 'own', name: 'g' } },
];
const MESSAGE = {
  id: 'msg_r1',
  type: 'message',
  role: 'assistant',
  model: 'client-model',
  content: [
    { type: 'thinking', thinking: 'let me see', signature: 'penstock-unsigned' },
    { type: 'text', text: 'Hello' },
    { type: 'thinking', thinking: '', signature: 'penstock-gemini-c2ln' },
    { type: 'tool_use', id: 'toolu_req-1_0', name: 'f', input: { a: '"\n' } },
    { type: 'tool_use', id: 'own', name: 'g', input: {} },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: MESSAGES_USAGE,
};

test('an answer’s thoughts, text, calls, ending and usage become a message', () => {
  assert.deepEqual(crossing.answer(chunk(PARTS, { responseId: 'r1', usageMetadata: USAGE }, 'STOP'), ANSWER), MESSAGE);
});

test('a stream builds the message that the JSON answer is', () => {
  const events = [
    ...PARTS.map((part) => chunk([part], { responseId: 'r1', usageMetadata: { promptTokenCount: 100 } })),
    chunk([], {}, 'STOP'),
    { usageMetadata: USAGE },
  ];
  assert.deepEqual(builtMessage(streamed(crossing, events)), MESSAGE);
});

test('a stream is in the order that the protocol has, each event under its name', () => {
  const text = streamText(crossing, [chunk([{ text: 'a' }]), chunk([{ text: 'b' }], {}, 'STOP')]);
  const events = parseEvents(text);
  assert.deepEqual(
    events.map(({ event }) => event),
    [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  );
  for (const { event, data } of events) assert.equal((data as JsonObject)['type'], event);
});

test('endings are told apart', () => {
  const cases: [string, string][] = [
    ['STOP', 'end_turn'],
    ['MAX_TOKENS', 'max_tokens'],
    ['SAFETY', 'refusal'],
    ['RECITATION', 'refusal'],
    ['PROHIBITED_CONTENT', 'refusal'],
    ['MALFORMED_FUNCTION_CALL', 'end_turn'],
    ['SOMETHING_NEW', 'end_turn'],
  ];
  for (const [finishReason, stopReason] of cases) {
    const answer = chunk([{ text: 'a' }], {}, finishReason);
    assert.equal(crossing.answer(answer, ANSWER)['stop_reason'], stopReason, finishReason);
    assert.equal(builtMessage(streamed(crossing, [answer]))['stop_reason'], stopReason, finishReason);
  }
});

test('a blocked prompt is a refusal without content', () => {
  const blocked = { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 9 } };
  for (const message of [crossing.answer(blocked, ANSWER), builtMessage(streamed(crossing, [blocked]))]) {
    assert.equal(message['stop_reason'], 'refusal');
    assert.deepEqual(message['content'], []);
    assert.equal((message['usage'] as JsonObject)['input_tokens'], 9);
  }
});

test('an answer that has not finished is given no ending', () => {
  assert.equal(crossing.answer(chunk([{ text: 'a' }]), ANSWER)['stop_reason'], null);
  const events = streamed(crossing, [chunk([{ text: 'a' }])]);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['message_start', 'content_block_start', 'content_block_delta'],
  );
  assert.deepEqual(streamed(crossing, []), []);
});

test('errors keep their kind and message, before a stream and inside it', () => {
  const cases: [number, string, string][] = [
    [400, 'INVALID_ARGUMENT', 'invalid_request_error'],
    [403, 'PERMISSION_DENIED', 'permission_error'],
    [404, 'NOT_FOUND', 'not_found_error'],
    [429, 'RESOURCE_EXHAUSTED', 'rate_limit_error'],
    [500, 'INTERNAL', 'api_error'],
    [503, 'UNAVAILABLE', 'overloaded_error'],
    [504, 'DEADLINE_EXCEEDED', 'timeout_error'],
  ];
  for (const [code, status, type] of cases) {
    const body = { error: { code, message: 'no\nway', status, details: [{ secret: 'project' }] } };
    const expected = { type: 'error', error: { type, message: 'no\nway' }, request_id: 'req-1' };
    assert.deepEqual(crossing.error(code, body, ANSWER), expected);
    const text = streamText(crossing, [chunk([{ text: 'a' }]), body, chunk([{ text: 'late' }], {}, 'STOP')]);
    assert.deepEqual(parseEvents(text).at(-1), { event: 'error', data: expected });
  }
  assert.deepEqual(crossing.error(502, null, ANSWER), {
    type: 'error',
    error: { type: 'api_error', message: 'The upstream answered 502.' },
    request_id: 'req-1',
  });
});

test('hostile chunks never make a converter throw', () => {
  for (const garbage of GARBAGE) {
    for (const field of ['candidates', 'usageMetadata', 'promptFeedback', 'responseId', 'error']) {
      const events = [{ [field]: garbage }, chunk([{ text: 'a' }], { [field]: garbage }), chunk([], {}, 'STOP')];
      parseEvents(streamText(crossing, events));
      JSON.stringify(crossing.answer({ [field]: garbage }, ANSWER));
    }
    parseEvents(streamText(crossing, [chunk([garbage as JsonObject]), chunk([{ functionCall: garbage }], {}, 'STOP')]));
  }
  const deep = chunk([{ functionCall: { name: 'f', args: nested(100_000) } }], {}, 'STOP');
  assert.deepEqual((builtMessage(streamed(crossing, [deep]))['content'] as JsonObject[])[0]!['input'], {});
});

test('requests of real clients and a stream with everything in it become what the golden file shows', (t) => {
  assertGolden(t, crossing, ['anthropic-sdk-request', 'claude-code-request'], 'gemini-stream');
});
