import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatOverGemini as crossing } from '#wire/convert/chat-over-gemini.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import {
  ANSWER,
  assertGolden,
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
  return { model: 'm', messages: [{ role: 'user', content: 'hi' }], ...rest };
}

function contentsOf(messages: JsonObject[], dropped: string[] = []): unknown {
  return turned(crossing, ask({ messages }), dropped)['contents'];
}

test('texts of all roles become contents, system and developer texts the systemInstruction', () => {
  const messages = [
    { role: 'system', content: 'be brief' },
    { role: 'developer', content: [{ type: 'text', text: 'and kind' }] },
    { role: 'user', name: 'ann', content: 'a' },
    { role: 'assistant', content: 'b', reasoning_content: 'hm', refusal: null },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
    { role: 'assistant', content: null, refusal: 'never' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'c' },
        { type: 'text', text: '' },
      ],
    },
  ];
  const request = turned(crossing, ask({ messages }), ['messages.name', 'messages.reasoning_content']);
  assert.deepEqual(request['systemInstruction'], { parts: [{ text: 'be brief' }, { text: 'and kind' }] });
  assert.deepEqual(request['contents'], [
    { role: 'user', parts: [{ text: 'a' }] },
    { role: 'model', parts: [{ text: 'b' }, { text: 'no' }, { text: 'never' }] },
    { role: 'user', parts: [{ text: 'c' }] },
  ]);
});

test('images, audio and files become inlineData or fileData', () => {
  const content = [
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAA=', detail: 'high' } },
    { type: 'image_url', image_url: { url: 'https://x.test/a.gif' } },
    { type: 'input_audio', input_audio: { data: 'BBB=', format: 'mp3' } },
    { type: 'input_audio', input_audio: { data: 'CCC=', format: 'wav' } },
    { type: 'file', file: { filename: 'd.pdf', file_data: 'data:application/pdf;base64,DDD=' } },
  ];
  assert.deepEqual(contentsOf([{ role: 'user', content }], ['messages.image_url.detail', 'messages.file.filename']), [
    {
      role: 'user',
      parts: [
        { inlineData: { mimeType: 'image/png', data: 'AAA=' } },
        { fileData: { mimeType: 'image/gif', fileUri: 'https://x.test/a.gif' } },
        { inlineData: { mimeType: 'audio/mp3', data: 'BBB=' } },
        { inlineData: { mimeType: 'audio/wav', data: 'CCC=' } },
        { inlineData: { mimeType: 'application/pdf', data: 'DDD=' } },
      ],
    },
  ]);
});

test('parallel calls and their results keep ids, names and signatures, results of one turn in one content', () => {
  const call = (id: string, city: string, rest: JsonObject = {}): JsonObject => ({
    id,
    type: 'function',
    function: { name: 'weather', arguments: JSON.stringify({ city }) },
    ...rest,
  });
  const messages = [
    { role: 'assistant', content: null, tool_calls: [call('c1', 'Rome'), call('c2', 'Oslo')] },
    { role: 'tool', tool_call_id: 'c2', content: 'cold' },
    {
      role: 'tool',
      tool_call_id: 'c1',
      content: [
        { type: 'text', text: 'wa' },
        { type: 'text', text: 'rm' },
      ],
    },
    { role: 'user', content: 'thanks' },
    {
      role: 'assistant',
      tool_calls: [call('c3', 'Bern', { extra_content: { google: { thought_signature: 'c2ln' } } })],
    },
  ];
  assert.deepEqual(contentsOf(messages), [
    {
      role: 'model',
      parts: [
        { functionCall: { id: 'c1', name: 'weather', args: { city: 'Rome' } }, thoughtSignature: FOREIGN },
        { functionCall: { id: 'c2', name: 'weather', args: { city: 'Oslo' } } },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { id: 'c2', name: 'weather', response: { output: 'cold' } } },
        { functionResponse: { id: 'c1', name: 'weather', response: { output: 'warm' } } },
        { text: 'thanks' },
      ],
    },
    {
      role: 'model',
      parts: [{ functionCall: { id: 'c3', name: 'weather', args: { city: 'Bern' } }, thoughtSignature: 'c2ln' }],
    },
  ]);
});

test('tools are declared with their JSON schema, and the choice among them is kept', () => {
  const parameters = { type: 'object', properties: { a: { type: 'string' } } };
  const tools = [
    { type: 'function', function: { name: 'f', description: 'does f', parameters, strict: true } },
    { type: 'function', function: { name: 'g' } },
  ];
  const named = { type: 'function', function: { name: 'g' } };
  const choices: [unknown, JsonObject][] = [
    ['auto', { mode: 'AUTO' }],
    ['required', { mode: 'ANY' }],
    ['none', { mode: 'NONE' }],
    [named, { mode: 'ANY', allowedFunctionNames: ['g'] }],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } },
      { mode: 'ANY', allowedFunctionNames: ['g'] },
    ],
  ];
  for (const [tool_choice, functionCallingConfig] of choices) {
    const request = turned(crossing, ask({ tools, tool_choice }), ['tools.function.strict']);
    assert.deepEqual(request['toolConfig'], { functionCallingConfig });
    assert.deepEqual(request['tools'], [
      { functionDeclarations: [{ name: 'f', description: 'does f', parametersJsonSchema: parameters }, { name: 'g' }] },
    ]);
  }
});

test('limits, sampling, stops, seed and effort go into the generationConfig', () => {
  const body = ask({
    max_tokens: 5,
    max_completion_tokens: 100,
    temperature: 1.5,
    top_p: 0.9,
    seed: 7,
    frequency_penalty: 0.1,
    presence_penalty: -0.1,
    stop: 'END',
    reasoning_effort: 'medium',
    n: 1,
    logprobs: false,
    logit_bias: {},
    stream: true,
    stream_options: { include_usage: true },
  });
  assert.deepEqual(turned(crossing, body, [], { model: 'gemini-2.5-flash' })['generationConfig'], {
    maxOutputTokens: 100,
    temperature: 1.5,
    topP: 0.9,
    seed: 7,
    frequencyPenalty: 0.1,
    presencePenalty: -0.1,
    stopSequences: ['END'],
    thinkingConfig: { thinkingBudget: 8_192 },
  });
  const config = turned(crossing, ask({ max_tokens: 5, stop: ['a', 'b'], reasoning_effort: 'xhigh' }))[
    'generationConfig'
  ];
  assert.deepEqual(config, {
    maxOutputTokens: 5,
    stopSequences: ['a', 'b'],
    thinkingConfig: { thinkingLevel: 'HIGH' },
  });
});

test('formats of answers are kept', () => {
  const schema = { type: 'object', properties: {} };
  const cases: [JsonObject, JsonObject][] = [
    [{ type: 'text' }, {}],
    [{ type: 'json_object' }, { responseMimeType: 'application/json' }],
    [
      { type: 'json_schema', json_schema: { name: 'x', schema } },
      { responseMimeType: 'application/json', responseJsonSchema: schema },
    ],
  ];
  for (const [response_format, expected] of cases) {
    assert.deepEqual(turned(crossing, ask({ response_format }))['generationConfig'], expected);
  }
});

test('what is harmless is left out and named', () => {
  const body = ask({ user: 'u', store: true, metadata: {}, parallel_tool_calls: false, verbosity: 'low' });
  turned(crossing, body, ['user', 'store', 'metadata', 'verbosity', 'parallel_tool_calls']);
  turned(crossing, ask({ parallel_tool_calls: true, user: null }));
});

test('what Gemini cannot express is refused with its path', () => {
  const message = (rest: JsonObject): JsonObject => ask({ messages: [rest] });
  const part = (content: JsonObject): JsonObject => message({ role: 'user', content: [content] });
  const call = (rest: JsonObject): JsonObject => message({ role: 'assistant', tool_calls: [{ id: 'c', ...rest }] });
  const cases: [JsonObject, string][] = [
    [ask({ messages: {} }), 'messages'],
    [message({ role: 'robot' }), 'messages.0.role'],
    [message({ role: 'user' }), 'messages.0.content'],
    [message({ role: 'tool', tool_call_id: 'x', content: '' }), 'messages.0.tool_call_id'],
    [message({ role: 'assistant', audio: { id: 'a' } }), 'messages.0.audio'],
    [call({ type: 'custom', custom: {} }), 'messages.0.tool_calls.0'],
    [call({ function: { name: 'f', arguments: '{' } }), 'messages.0.tool_calls.0.function.arguments'],
    [part({ type: 'video_url' }), 'messages.0.content.0'],
    [part({ type: 'input_audio', input_audio: { data: 'x', format: 'flac' } }), 'messages.0.content.0.input_audio'],
    [part({ type: 'file', file: { file_id: 'f' } }), 'messages.0.content.0.file'],
    [ask({ n: 2 }), 'n'],
    [ask({ logprobs: true }), 'logprobs'],
    [ask({ logit_bias: { 5: 1 } }), 'logit_bias'],
    [ask({ modalities: ['text', 'audio'] }), 'modalities'],
    [ask({ functions: [{}] }), 'functions'],
    [ask({ web_search_options: { x: 1 } }), 'web_search_options'],
    [ask({ tools: [{ type: 'custom', custom: { name: 'x' } }] }), 'tools.0'],
    [ask({ tool_choice: { type: 'custom' } }), 'tool_choice'],
    [ask({ response_format: { type: 'grammar' } }), 'response_format.type'],
    [ask({ stop: ['1', '2', '3', '4', '5', '6'] }), 'stop'],
    [ask({ seed: 'x' }), 'seed'],
    [ask({ reasoning_effort: 'some' }), 'reasoning_effort'],
  ];
  for (const [body, path] of cases) assert.equal(refused(crossing, body).path, path);
});

const USAGE = {
  promptTokenCount: 100,
  cachedContentTokenCount: 30,
  toolUsePromptTokenCount: 5,
  candidatesTokenCount: 7,
  thoughtsTokenCount: 11,
  promptTokensDetails: [
    { modality: 'TEXT', tokenCount: 60 },
    { modality: 'AUDIO', tokenCount: 40 },
  ],
};
const CHAT_USAGE = {
  prompt_tokens: 105,
  completion_tokens: 18,
  total_tokens: 123,
  prompt_tokens_details: { cached_tokens: 30, audio_tokens: 40 },
  completion_tokens_details: { reasoning_tokens: 11 },
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
  role: 'assistant',
  content: 'Hello',
  refusal: null,
  reasoning_content: 'let me see',
  tool_calls: [
    {
      id: 'call_req-1_0',
      type: 'function',
      function: { name: 'f', arguments: '{"a":"\\"\\n"}' },
      extra_content: { google: { thought_signature: 'c2ln' } },
    },
    { id: 'own', type: 'function', function: { name: 'g', arguments: '{}' } },
  ],
};

test('an answer’s thoughts, text, calls, ending and usage become a completion', () => {
  assert.deepEqual(crossing.answer(chunk(PARTS, { responseId: 'r1', usageMetadata: USAGE }, 'STOP'), ANSWER), {
    id: 'chatcmpl-r1',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'client-model',
    choices: [{ index: 0, message: MESSAGE, logprobs: null, finish_reason: 'tool_calls' }],
    usage: CHAT_USAGE,
  });
});

interface BuiltCompletion {
  message: JsonObject;
  finishReason: unknown;
  usage: unknown;
}

function built(chunks: readonly JsonObject[]): BuiltCompletion {
  const message: JsonObject = {};
  const toolCalls: JsonObject[] = [];
  let finishReason: unknown = null;
  let usage: unknown = null;
  for (const each of chunks) {
    const [choice] = each['choices'] as { delta: JsonObject; finish_reason: string | null }[];
    usage = each['usage'] ?? usage;
    if (choice === undefined) continue;
    assert.equal(finishReason, null, 'nothing comes behind finish_reason');
    finishReason = choice.finish_reason;
    for (const [name, value] of Object.entries(choice.delta)) {
      if (name === 'tool_calls') toolCalls.push(...(value as JsonObject[]));
      else message[name] = name === 'role' ? value : `${message[name] ?? ''}${value}`;
    }
  }
  return { message: { ...message, ...(toolCalls.length > 0 && { tool_calls: toolCalls }) }, finishReason, usage };
}

test('a stream builds the completion that the JSON answer is, then usage, then [DONE]', () => {
  const events = [
    ...PARTS.map((part) => chunk([part], { responseId: 'r1', usageMetadata: { promptTokenCount: 100 } })),
    chunk([], {}, 'STOP'),
    { usageMetadata: USAGE },
  ];
  const sent = streamed(crossing, events);
  assert.equal(sent.pop(), '[DONE]');
  const { tool_calls, content, role, reasoning_content } = MESSAGE;
  assert.deepEqual(built(sent), {
    message: { role, content, reasoning_content, tool_calls: tool_calls.map((call, index) => ({ index, ...call })) },
    finishReason: 'tool_calls',
    usage: CHAT_USAGE,
  });
  for (const each of sent) {
    assert.equal(each['id'], 'chatcmpl-r1');
    assert.equal(each['object'], 'chat.completion.chunk');
  }
  assert.deepEqual(sent.at(-1)!['choices'], []);
});

test('a client that did not ask for usage gets no chunk of it', () => {
  const context = { ...ANSWER, includeUsage: false };
  const text = streamText(crossing, [chunk([{ text: 'a' }], { usageMetadata: USAGE }, 'STOP')], true, context);
  assert.doesNotMatch(text, /usage|"choices":\[\]/);
  assert.match(text, /"finish_reason":"stop"\}\]\}\n\ndata: \[DONE\]\n\n$/);
});

test('endings are told apart', () => {
  const cases: [string, string][] = [
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['MALFORMED_FUNCTION_CALL', 'stop'],
    ['SOMETHING_NEW', 'stop'],
  ];
  for (const [finishReason, expected] of cases) {
    const answer = chunk([{ text: 'a' }], {}, finishReason);
    const [choice] = crossing.answer(answer, ANSWER)['choices'] as JsonObject[];
    assert.equal(choice!['finish_reason'], expected, finishReason);
    assert.equal(built(streamed(crossing, [answer]).slice(0, -1)).finishReason, expected, finishReason);
  }
});

test('a blocked prompt is a filtered completion without content', () => {
  const blocked = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 9 } };
  const [choice] = crossing.answer(blocked, ANSWER)['choices'] as JsonObject[];
  assert.equal(choice!['finish_reason'], 'content_filter');
  assert.equal((choice!['message'] as JsonObject)['content'], null);
  assert.equal(built(streamed(crossing, [blocked]).slice(0, -1)).finishReason, 'content_filter');
});

test('a stream that has not finished is given no ending and no [DONE]', () => {
  const text = streamText(crossing, [chunk([{ text: 'a' }])]);
  assert.doesNotMatch(text, /DONE|"finish_reason":"/);
  assert.equal(streamText(crossing, []), '');
});

test('errors keep their kind and message, before a stream and inside it', () => {
  const cases: [number, string, string, string | null][] = [
    [400, 'INVALID_ARGUMENT', 'invalid_request_error', null],
    [401, 'UNAUTHENTICATED', 'invalid_request_error', 'invalid_api_key'],
    [429, 'RESOURCE_EXHAUSTED', 'requests', 'rate_limit_exceeded'],
    [503, 'UNAVAILABLE', 'server_error', 'server_is_overloaded'],
  ];
  for (const [code, status, type, chatCode] of cases) {
    const body = { error: { code, message: 'no', status } };
    const expected = { error: { message: 'no', type, param: null, code: chatCode } };
    assert.deepEqual(crossing.error(code, body, ANSWER), expected);
    const sent = streamed(crossing, [chunk([{ text: 'a' }]), body, chunk([], {}, 'STOP')]);
    assert.deepEqual(sent.at(-1), expected, 'nothing comes behind an error, not even [DONE]');
  }
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
  parseEvents(streamText(crossing, [chunk([{ functionCall: { name: 'f', args: nested(100_000) } }], {}, 'STOP')]));
});

test('requests of real clients and a stream with everything in it become what the golden file shows', (t) => {
  assertGolden(t, crossing, ['openai-sdk-request'], 'gemini-stream');
});
