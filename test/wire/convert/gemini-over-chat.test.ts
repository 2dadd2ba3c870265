import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { geminiOverChat as crossing } from '#wire/convert/gemini-over-chat.ts';
import {
  ANSWER,
  assertGolden,
  GARBAGE,
  joinedChunks,
  nested,
  refused,
  streamed,
  streamText,
  turned,
} from './gemini-crossing-rig.ts';

function ask(rest: JsonObject): JsonObject {
  return { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], ...rest };
}

function messagesOf(contents: JsonObject[], dropped: string[] = []): unknown {
  return turned(crossing, { contents }, dropped)['messages'];
}

test('contents become messages, the system instruction the first of them', () => {
  const contents = [
    { parts: [{ text: 'a' }] },
    { role: 'model', parts: [{ text: 'hm', thought: true }, { text: 'b' }, { text: 'c' }] },
    { role: 'model', parts: [{ text: '' }] },
    { role: 'user', parts: [{ text: 'd' }, { text: 'e' }] },
  ];
  const systemInstruction = { parts: [{ text: 'be' }, { text: 'brief' }] };
  const request = turned(crossing, { contents, systemInstruction }, ['contents.parts.thought']);
  assert.deepEqual(request['messages'], [
    { role: 'system', content: 'be\n\nbrief' },
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'bc' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'd' },
        { type: 'text', text: 'e' },
      ],
    },
  ]);
});

test('images, audio, PDF and text become parts of their kind', () => {
  const parts = [
    { inlineData: { mimeType: 'image/png', data: 'AAA=' } },
    { inline_data: { mime_type: 'audio/mpeg', data: 'BBB=' } },
    { inlineData: { mimeType: 'audio/wav', data: 'CCC=' } },
    { inlineData: { mimeType: 'application/pdf', data: 'DDD=' } },
    { inlineData: { mimeType: 'text/plain', data: Buffer.from('ä').toString('base64') } },
    { fileData: { mimeType: 'image/webp', fileUri: 'https://x.test/a' } },
  ];
  assert.deepEqual(messagesOf([{ role: 'user', parts }]), [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAA=' } },
        { type: 'input_audio', input_audio: { data: 'BBB=', format: 'mp3' } },
        { type: 'input_audio', input_audio: { data: 'CCC=', format: 'wav' } },
        { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,DDD=' } },
        { type: 'text', text: 'ä' },
        { type: 'image_url', image_url: { url: 'https://x.test/a' } },
      ],
    },
  ]);
});

test('calls without ids get some, responses find them by name and order, media in them follow in a user message', () => {
  const image = { inlineData: { mimeType: 'image/png', data: 'AAA=' } };
  const contents = [
    {
      role: 'model',
      parts: [
        { text: 'looking' },
        { functionCall: { name: 'weather', args: { city: 'Rome' } }, thoughtSignature: 'c2ln' },
        { functionCall: { name: 'weather', args: { city: 'Oslo' } } },
        { functionCall: { id: 'own', name: 'shot' } },
      ],
    },
    {
      role: 'user',
      parts: [
        { text: 'here' },
        { functionResponse: { name: 'weather', response: { output: 'warm' } } },
        { functionResponse: { id: 'own', name: 'shot', response: { a: 1 }, parts: [image] } },
        { functionResponse: { name: 'weather', response: { error: 'no such city' } } },
      ],
    },
  ];
  const call = (id: string, name: string, args: string): JsonObject => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  });
  assert.deepEqual(messagesOf(contents, ['contents.parts.thoughtSignature']), [
    {
      role: 'assistant',
      content: 'looking',
      tool_calls: [
        call('call_1', 'weather', '{"city":"Rome"}'),
        call('call_2', 'weather', '{"city":"Oslo"}'),
        call('own', 'shot', '{}'),
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'warm' },
    { role: 'tool', tool_call_id: 'own', content: '{"a":1}' },
    { role: 'tool', tool_call_id: 'call_2', content: 'no such city' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'here' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAA=' } },
      ],
    },
  ]);
});

const SCHEMA = { type: 'OBJECT', properties: { a: { type: 'STRING', nullable: true } } };
const JSON_SCHEMA = { type: 'object', properties: { a: { type: ['string', 'null'] } } };

test('functions are declared, and the mode of calling is kept', () => {
  const tools = [{ functionDeclarations: [{ name: 'f', description: 'does f', parameters: SCHEMA }, { name: 'g' }] }];
  const f = { type: 'function', function: { name: 'f', description: 'does f', parameters: JSON_SCHEMA } };
  const g = { type: 'function', function: { name: 'g' } };
  const cases: [JsonObject, unknown, JsonObject[]][] = [
    [{ mode: 'AUTO' }, 'auto', [f, g]],
    [{ mode: 'ANY' }, 'required', [f, g]],
    [{ mode: 'NONE' }, 'none', [f, g]],
    [{ mode: 'ANY', allowedFunctionNames: ['g'] }, { type: 'function', function: { name: 'g' } }, [g]],
  ];
  for (const [functionCallingConfig, choice, declared] of cases) {
    const request = turned(crossing, ask({ tools, toolConfig: { functionCallingConfig } }));
    assert.deepEqual(request['tool_choice'], choice);
    assert.deepEqual(request['tools'], declared);
  }
});

test('limits, sampling, stops, seed and effort are kept', () => {
  const generationConfig = {
    maxOutputTokens: 9,
    temperature: 1.5,
    topP: 0.5,
    topK: 64,
    seed: 7,
    frequencyPenalty: 0.1,
    presencePenalty: 0.2,
    stopSequences: ['a', 'b'],
    thinkingConfig: { thinkingLevel: 'HIGH', includeThoughts: true },
  };
  const dropped = ['generationConfig.topK', 'generationConfig.thinkingConfig.includeThoughts'];
  const { messages: _, ...rest } = turned(crossing, ask({ generationConfig }), dropped, { stream: true });
  assert.deepEqual(rest, {
    model: 'upstream-model',
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: 9,
    temperature: 1.5,
    top_p: 0.5,
    seed: 7,
    frequency_penalty: 0.1,
    presence_penalty: 0.2,
    stop: ['a', 'b'],
    reasoning_effort: 'high',
  });
  for (const [budget, effort] of [
    [0, 'none'],
    [1_000, 'low'],
    [8_000, 'medium'],
    [30_000, 'high'],
    [-1, undefined],
  ] as const) {
    const request = turned(crossing, ask({ generationConfig: { thinkingConfig: { thinkingBudget: budget } } }));
    assert.equal(request['reasoning_effort'], effort);
  }
});

test('formats of answers are kept', () => {
  const format = (generationConfig: JsonObject, dropped: string[] = []): unknown =>
    turned(crossing, ask({ generationConfig }), dropped)['response_format'];
  const responseMimeType = 'application/json';
  const expected = { type: 'json_schema', json_schema: { name: 'response', schema: JSON_SCHEMA } };
  assert.deepEqual(format({ responseMimeType }), { type: 'json_object' });
  assert.deepEqual(format({ responseMimeType, responseSchema: SCHEMA }), expected);
  assert.deepEqual(format({ responseMimeType, responseJsonSchema: SCHEMA }), expected);
  assert.equal(format({ responseMimeType: 'text/plain' }), undefined);
  assert.equal(format({ responseSchema: SCHEMA }, ['generationConfig.responseSchema']), undefined);
});

test('what is harmless is left out and named', () => {
  turned(crossing, ask({ safetySettings: [{}], generationConfig: { mediaResolution: 'LOW' } }), [
    'safetySettings',
    'generationConfig.mediaResolution',
  ]);
});

test('what Chat cannot express is refused with its path', () => {
  const user = (part: JsonObject): JsonObject => ({ contents: [{ role: 'user', parts: [part] }] });
  const config = (generationConfig: JsonObject): JsonObject => ask({ generationConfig });
  const part = 'contents.0.parts.0';
  const cases: [JsonObject, string][] = [
    [{ contents: 7 }, 'contents'],
    [{ contents: [7] }, 'contents.0.parts'],
    [user({ inlineData: { mimeType: 'audio/flac', data: '' } }), `${part}.inlineData`],
    [user({ inlineData: { mimeType: 'video/mp4', data: '' } }), `${part}.inlineData`],
    [user({ fileData: { mimeType: 'application/pdf', fileUri: 'https://x.test/a.pdf' } }), `${part}.fileData`],
    [user({ fileData: { mimeType: 'image/png', fileUri: 'gs://b/a' } }), `${part}.fileData.fileUri`],
    [user({ functionResponse: { name: 'f', response: {} } }), `${part}.functionResponse`],
    [user({ codeExecutionResult: {} }), part],
    [{ contents: [{ role: 'model', parts: [{ inlineData: {} }] }] }, part],
    [ask({ tools: [{ googleSearch: {} }] }), 'tools.0.googleSearch'],
    [ask({ tools: [{ functionDeclarations: [{ name: 'a b' }] }] }), 'tools.0.functionDeclarations.0.name'],
    [ask({ cachedContent: 'x' }), 'cachedContent'],
    [config({ candidateCount: 2 }), 'generationConfig.candidateCount'],
    [config({ stopSequences: ['1', '2', '3', '4', '5'] }), 'generationConfig.stopSequences'],
    [config({ responseModalities: ['AUDIO'] }), 'generationConfig.responseModalities'],
    [config({ responseMimeType: 'text/x.enum' }), 'generationConfig.responseMimeType'],
  ];
  for (const [body, path] of cases) assert.equal(refused(crossing, body).path, path);
});

const CHAT_USAGE = {
  prompt_tokens: 100,
  completion_tokens: 50,
  total_tokens: 150,
  prompt_tokens_details: { cached_tokens: 20 },
  completion_tokens_details: { reasoning_tokens: 15 },
};
const USAGE = {
  promptTokenCount: 100,
  cachedContentTokenCount: 20,
  candidatesTokenCount: 35,
  thoughtsTokenCount: 15,
  totalTokenCount: 150,
};
/** The client may go on with an account of Google. */
const FOREIGN = 'skip_thought_signature_validator';
const PARTS = [
  { text: 'let me see', thought: true },
  { text: 'Hello' },
  { functionCall: { id: 'c1', name: 'f', args: { a: '"\n' } }, thoughtSignature: FOREIGN },
  { functionCall: { id: 'c2', name: 'g', args: {} } },
];

function completion(message: JsonObject, finish_reason: string | null = 'stop'): JsonObject {
  return { id: 'chatcmpl-1', choices: [{ index: 0, message, finish_reason }], usage: CHAT_USAGE };
}

test('a completion’s reasoning, text, calls, ending and usage become a response', () => {
  const message = {
    role: 'assistant',
    content: 'Hello',
    reasoning_content: 'let me see',
    tool_calls: [
      { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":"\\"\\n"}' } },
      { id: 'c2', type: 'function', function: { name: 'g', arguments: '' } },
    ],
  };
  assert.deepEqual(crossing.answer(completion(message, 'tool_calls'), ANSWER), {
    candidates: [{ content: { role: 'model', parts: PARTS }, finishReason: 'STOP', index: 0 }],
    usageMetadata: USAGE,
    modelVersion: 'client-model',
    responseId: 'chatcmpl-1',
  });
});

function piece(delta: JsonObject, finish_reason: string | null = null, rest: JsonObject = {}): JsonObject {
  return { id: 'chatcmpl-1', choices: [{ index: 0, delta, finish_reason }], ...rest };
}

function callPiece(index: number, args: string, rest: JsonObject = {}, name?: string): JsonObject {
  const called = { ...(name !== undefined && { name }), arguments: args };
  return piece({ tool_calls: [{ index, ...rest, function: called }] });
}

const EVENTS: JsonObject[] = [
  piece({ role: 'assistant', content: '' }),
  piece({ reasoning_content: 'let me ' }),
  piece({ reasoning: 'see' }),
  piece({ content: 'Hel' }),
  piece({ content: 'lo' }),
  callPiece(0, '', { id: 'c1', type: 'function' }, 'f'),
  callPiece(1, '', { id: 'c2', type: 'function' }, 'g'),
  callPiece(0, '{"a":'),
  callPiece(1, '{}'),
  callPiece(0, '"\\"\\n"}'),
  piece({}, 'tool_calls'),
  { id: 'chatcmpl-1', choices: [], usage: CHAT_USAGE },
];

test('a stream gives the parts that the JSON answer has, even with mixed pieces of parallel calls', () => {
  const text = streamText(crossing, EVENTS);
  assert.match(text, /^(data: \{[^\n\r]*\}\r\n\r\n)+$/);
  assert.deepEqual(joinedChunks(streamed(crossing, EVENTS)), { parts: PARTS, finishReason: 'STOP', usage: USAGE });
});

test('usage may come in any chunk, and whole calls without an index are told apart', () => {
  const whole = (id: string): JsonObject => ({ id, function: { name: 'f', arguments: '{}' } });
  const events = [
    piece({ content: 'a' }, null, { usage: { ...CHAT_USAGE, completion_tokens: 16 } }),
    piece({ tool_calls: [whole('c1'), whole('c2')] }, 'TOOL_CALLS', { usage: CHAT_USAGE }),
  ];
  const answer = joinedChunks(streamed(crossing, events));
  assert.deepEqual(answer, {
    parts: [
      { text: 'a' },
      { functionCall: { id: 'c1', name: 'f', args: {} }, thoughtSignature: FOREIGN },
      { functionCall: { id: 'c2', name: 'f', args: {} } },
    ],
    finishReason: 'STOP',
    usage: USAGE,
  });
});

test('endings are told apart', () => {
  const cases: [string, string][] = [
    ['stop', 'STOP'],
    ['STOP', 'STOP'],
    ['length', 'MAX_TOKENS'],
    ['content_filter', 'SAFETY'],
    ['something_new', 'OTHER'],
  ];
  for (const [finishReason, expected] of cases) {
    const [candidate] = crossing.answer(completion({ content: 'a' }, finishReason), ANSWER)[
      'candidates'
    ] as JsonObject[];
    assert.equal(candidate!['finishReason'], expected);
    assert.equal(joinedChunks(streamed(crossing, [piece({ content: 'a' }, finishReason)])).finishReason, expected);
  }
});

test('a refusal is text', () => {
  const [candidate] = crossing.answer(completion({ content: null, refusal: 'no' }), ANSWER)[
    'candidates'
  ] as JsonObject[];
  assert.deepEqual((candidate!['content'] as JsonObject)['parts'], [{ text: 'no' }]);
  assert.deepEqual(joinedChunks(streamed(crossing, [piece({ refusal: 'no' }, 'stop')])).parts, [{ text: 'no' }]);
});

test('a call whose arguments are no JSON object is left out and said to be malformed', () => {
  for (const args of ['{"a":', '[1]', 'x', JSON.stringify(nested(1_000))]) {
    const tool_calls = [{ index: 0, id: 'c', function: { name: 'f', arguments: args } }];
    const whole = crossing.answer(completion({ content: null, tool_calls }, 'tool_calls'), ANSWER);
    const [candidate] = whole['candidates'] as JsonObject[];
    const answer = joinedChunks(streamed(crossing, [piece({ tool_calls }), piece({}, 'tool_calls')]));
    for (const reason of [candidate!['finishReason'], answer.finishReason])
      assert.equal(reason, 'MALFORMED_FUNCTION_CALL');
    assert.deepEqual(answer.parts, []);
  }
});

test('what one answer may call is bounded', () => {
  const events = Array.from({ length: 300 }, (_, index) => callPiece(index, '{}', { id: `c${index}` }, 'f'));
  const answer = joinedChunks(streamed(crossing, [...events, piece({}, 'tool_calls')]));
  assert.equal(answer.parts.length, 256);
  assert.equal(answer.finishReason, 'MALFORMED_FUNCTION_CALL');
});

test('a stream without finish_reason is given no ending, and neither is one that did not end', () => {
  assert.equal(joinedChunks(streamed(crossing, EVENTS.slice(0, 10))).finishReason, undefined);
  assert.equal(joinedChunks(streamed(crossing, EVENTS, false)).finishReason, undefined);
  assert.equal(streamText(crossing, []), '');
});

test('errors keep their kind and message, before a stream and inside it', () => {
  const cases: [number, JsonObject, number, string][] = [
    [400, { type: 'invalid_request_error', code: 'context_length_exceeded' }, 400, 'INVALID_ARGUMENT'],
    [401, { type: 'invalid_request_error', code: 'invalid_api_key' }, 401, 'UNAUTHENTICATED'],
    [404, { type: 'invalid_request_error', code: 'model_not_found' }, 404, 'NOT_FOUND'],
    [429, { type: 'requests', code: 'rate_limit_exceeded' }, 429, 'RESOURCE_EXHAUSTED'],
    [500, { type: 'server_error', code: null }, 500, 'INTERNAL'],
    [503, { type: 'server_error', code: 503 }, 503, 'UNAVAILABLE'],
    [400, { type: 'invalid_request_error', code: '400' }, 400, 'INVALID_ARGUMENT'],
  ];
  for (const [httpStatus, error, code, status] of cases) {
    const body = { error: { message: 'no\nway', param: null, ...error } };
    const expected = { error: { code, message: 'no\nway', status } };
    assert.deepEqual(crossing.error(httpStatus, body, ANSWER), expected);
    const chunks = streamed(crossing, [...EVENTS.slice(0, 5), body, piece({}, 'stop')]);
    assert.deepEqual(chunks.at(-1), expected);
  }
});

test('hostile events never make a converter throw', () => {
  for (const garbage of GARBAGE) {
    for (const field of ['id', 'choices', 'usage', 'error', 'delta']) {
      streamed(crossing, [{ [field]: garbage }, ...EVENTS, { [field]: garbage }]);
      JSON.stringify(crossing.answer({ [field]: garbage }, ANSWER));
    }
    for (const field of ['content', 'reasoning', 'refusal', 'tool_calls']) {
      streamed(crossing, [piece({ [field]: garbage }), piece({ [field]: [garbage] }, 'stop')]);
      JSON.stringify(crossing.answer(completion({ [field]: garbage }), ANSWER));
    }
    for (const field of ['index', 'id', 'function']) {
      streamed(crossing, [piece({ tool_calls: [{ [field]: garbage }, garbage] }), piece({}, 'stop')]);
    }
  }
});

test('requests of real clients and a stream with everything in it become what the golden file shows', (t) => {
  assertGolden(
    t,
    crossing,
    ['gemini-cli-routing-request', 'gemini-cli-request', 'google-genai-request'],
    'chat-stream',
  );
});
