import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { geminiOverMessages as crossing } from '#wire/convert/gemini-over-messages.ts';
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

const USER = { role: 'user', parts: [{ text: 'hi' }] };

function ask(rest: JsonObject): JsonObject {
  return { contents: [USER], ...rest };
}

function messagesOf(contents: JsonObject[], dropped: string[] = []): unknown {
  return turned(crossing, { contents }, dropped)['messages'];
}

test('contents become messages, neighbours of one role one message; what the model said in pieces one text', () => {
  const contents = [
    { parts: [{ text: 'a' }, { text: '' }] },
    { role: 'user', parts: [{ text: 'b' }] },
    { role: 'model', parts: [{ text: 'c' }, { text: 'd' }] },
    { role: 'model', parts: [] },
    { role: 'user', parts: [{ text: 'e' }] },
  ];
  assert.deepEqual(messagesOf(contents), [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    },
    { role: 'assistant', content: [{ type: 'text', text: 'cd' }] },
    { role: 'user', content: [{ type: 'text', text: 'e' }] },
  ]);
});

test('system instructions are kept, one as text, more as blocks, in either spelling', () => {
  const system = (systemInstruction: unknown): unknown => turned(crossing, ask({ systemInstruction }))['system'];
  assert.equal(system({ role: 'user', parts: [{ text: 'be' }] }), 'be');
  assert.equal(system('be'), 'be');
  assert.deepEqual(system({ parts: [{ text: 'be' }, { text: 'brief' }] }), [
    { type: 'text', text: 'be' },
    { type: 'text', text: 'brief' },
  ]);
  assert.equal(turned(crossing, ask({ system_instruction: { parts: [{ text: 'be' }] } }))['system'], 'be');
  assert.equal('system' in turned(crossing, ask({})), false);
});

test('inlineData and fileData become images and documents', () => {
  const parts = [
    { inlineData: { mimeType: 'image/png', data: 'AAA=' } },
    { inline_data: { mime_type: 'application/pdf', data: 'BBB=' } },
    { inlineData: { mimeType: 'text/csv', data: Buffer.from('ä,b').toString('base64') } },
    { fileData: { mimeType: 'image/webp', fileUri: 'https://x.test/a' } },
    { fileData: { mimeType: 'application/pdf', fileUri: 'https://x.test/b' } },
  ];
  assert.deepEqual(messagesOf([{ role: 'user', parts }]), [
    {
      role: 'user',
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAA=' } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BBB=' } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'ä,b' } },
        { type: 'image', source: { type: 'url', url: 'https://x.test/a' } },
        { type: 'document', source: { type: 'url', url: 'https://x.test/b' } },
      ],
    },
  ]);
});

test('calls without ids get some, and responses find them by name and order, results before all else', () => {
  const contents = [
    {
      role: 'model',
      parts: [
        { text: 'looking' },
        { functionCall: { name: 'weather', args: { city: 'Rome' } }, thoughtSignature: 'c2ln' },
        { functionCall: { name: 'weather', args: { city: 'Oslo' } } },
        { functionCall: { id: 'own', name: 'time' } },
      ],
    },
    {
      role: 'user',
      parts: [
        { text: 'here' },
        { functionResponse: { name: 'weather', response: { output: 'warm' } } },
        { functionResponse: { name: 'time', response: { hour: 5 } } },
        { functionResponse: { name: 'weather', response: { error: 'no such city' } } },
      ],
    },
  ];
  assert.deepEqual(messagesOf(contents, ['contents.parts.thoughtSignature']), [
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'looking' },
        { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Rome' } },
        { type: 'tool_use', id: 'call_2', name: 'weather', input: { city: 'Oslo' } },
        { type: 'tool_use', id: 'own', name: 'time', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'call_1', content: 'warm' },
        { type: 'tool_result', tool_use_id: 'own', content: '{"hour":5}' },
        { type: 'tool_result', tool_use_id: 'call_2', content: 'no such city', is_error: true },
        { type: 'text', text: 'here' },
      ],
    },
  ]);
});

test('an image in a response lies in the result', () => {
  const parts = [{ inlineData: { mimeType: 'image/png', data: 'AAA=' } }];
  const contents = [
    { role: 'model', parts: [{ functionCall: { id: 'a', name: 'shot' } }] },
    { role: 'function', parts: [{ functionResponse: { id: 'a', name: 'shot', response: { output: 'ok' }, parts } }] },
  ];
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAA=' } };
  const content = [{ type: 'text', text: 'ok' }, image];
  const result = { type: 'tool_result', tool_use_id: 'a', content };
  assert.deepEqual((messagesOf(contents) as JsonObject[])[1], { role: 'user', content: [result] });
});

test('thinking of Messages that went through the client comes back signed, other thoughts are left out and named', () => {
  const answer = crossing.answer(
    {
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'EqQB+/=' },
        { type: 'redacted_thinking', data: 'xyz' },
        { type: 'tool_use', id: 't', name: 'f', input: {} },
      ],
      stop_reason: 'tool_use',
    },
    ANSWER,
  );
  const { content } = (answer['candidates'] as { content: JsonObject }[])[0]!;
  const back = messagesOf([content]);
  assert.deepEqual(back, [
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'EqQB+/=' },
        { type: 'redacted_thinking', data: 'xyz' },
        { type: 'tool_use', id: 't', name: 'f', input: {} },
      ],
    },
  ]);
  const foreign = [{ text: 'hm', thought: true, thoughtSignature: 'c2ln' }, { text: 'a' }];
  assert.deepEqual(messagesOf([{ role: 'model', parts: foreign }], ['contents.parts.thought']), [
    { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
  ]);
});

const SCHEMA = { type: 'OBJECT', properties: { a: { type: 'STRING', nullable: true } }, required: ['a'] };
const JSON_SCHEMA = { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'] };

test('functions of either schema are declared', () => {
  const tools = [
    { functionDeclarations: [{ name: 'f', description: 'does f', parameters: SCHEMA }] },
    { function_declarations: [{ name: 'g', parametersJsonSchema: JSON_SCHEMA, response: {} }, { name: 'h' }] },
  ];
  assert.deepEqual(turned(crossing, ask({ tools }), ['tools.functionDeclarations.response'])['tools'], [
    { name: 'f', description: 'does f', input_schema: JSON_SCHEMA },
    { name: 'g', input_schema: JSON_SCHEMA },
    { name: 'h', input_schema: { type: 'object', properties: {} } },
  ]);
});

test('the mode of calling is kept, and what may not be called is not declared', () => {
  const tools = [{ functionDeclarations: [{ name: 'f' }, { name: 'g' }, { name: 'h' }] }];
  const cases: [JsonObject, JsonObject, string[], string[]?][] = [
    [{ mode: 'AUTO' }, { type: 'auto' }, ['f', 'g', 'h']],
    [{ mode: 'ANY' }, { type: 'any' }, ['f', 'g', 'h']],
    [{ mode: 'NONE' }, { type: 'none' }, ['f', 'g', 'h']],
    [{ mode: 'ANY', allowedFunctionNames: ['g'] }, { type: 'tool', name: 'g' }, ['g']],
    [{ mode: 'ANY', allowed_function_names: ['g', 'h'] }, { type: 'any' }, ['g', 'h']],
    [{ mode: 'VALIDATED' }, { type: 'auto' }, ['f', 'g', 'h'], ['toolConfig.functionCallingConfig.mode']],
  ];
  for (const [functionCallingConfig, choice, names, dropped] of cases) {
    const request = turned(crossing, ask({ tools, toolConfig: { functionCallingConfig } }), dropped);
    assert.deepEqual(request['tool_choice'], choice);
    assert.deepEqual(
      (request['tools'] as JsonObject[]).map(({ name }) => name),
      names,
    );
  }
});

test('limits, sampling and stops are kept as far as Messages takes them', () => {
  const request = (generationConfig: JsonObject, dropped: string[] = []): JsonObject => {
    const { messages: _, model: __, ...rest } = turned(crossing, ask({ generationConfig }), dropped);
    return rest;
  };
  assert.deepEqual(request({}), { max_tokens: 4_096 });
  assert.deepEqual(request({ maxOutputTokens: 9, temperature: 0.5, topK: 3, stopSequences: ['a'] }), {
    max_tokens: 9,
    temperature: 0.5,
    top_k: 3,
    stop_sequences: ['a'],
  });
  assert.deepEqual(request({ topP: 0.5 }), { max_tokens: 4_096, top_p: 0.5 });
  assert.deepEqual(request({ temperature: 1.5, topP: 0.5, seed: 1 }, ['seed', 'temperature', 'topP'].map(configPath)), {
    max_tokens: 4_096,
    temperature: 1,
  });
  assert.equal(turned(crossing, ask({}), [], { stream: true })['stream'], true);
});

function configPath(field: string): string {
  return `generationConfig.${field}`;
}

test('answers by a schema are kept, closed as Messages wants them', () => {
  for (const field of ['responseSchema', 'responseJsonSchema']) {
    const generationConfig = { responseMimeType: 'application/json', [field]: SCHEMA };
    assert.deepEqual(turned(crossing, ask({ generationConfig }))['output_config'], {
      format: { type: 'json_schema', schema: { ...JSON_SCHEMA, additionalProperties: false } },
    });
  }
});

test('thinking becomes effort, for older models a budget below the limit', () => {
  const cases: [JsonObject, string, unknown, unknown][] = [
    [
      { thinkingLevel: 'HIGH', includeThoughts: true },
      'claude-opus-4-6',
      { type: 'adaptive', display: 'summarized' },
      'high',
    ],
    [{ thinkingLevel: 'MINIMAL' }, 'claude-opus-4-6', { type: 'adaptive', display: 'omitted' }, 'low'],
    [{ thinkingBudget: 8_000 }, 'claude-sonnet-5', { type: 'adaptive', display: 'omitted' }, 'medium'],
    [
      { thinkingBudget: -1, includeThoughts: true },
      'claude-sonnet-5',
      { type: 'adaptive', display: 'summarized' },
      undefined,
    ],
    [{ thinkingBudget: 0 }, 'claude-sonnet-5', { type: 'disabled' }, undefined],
    [{ thinkingBudget: 2_000 }, 'claude-sonnet-4-5', { type: 'enabled', budget_tokens: 2_000 }, undefined],
    [{ thinkingBudget: 90_000 }, 'claude-sonnet-4-5-20250929', { type: 'enabled', budget_tokens: 4_095 }, undefined],
    [{ thinkingLevel: 'LOW' }, 'claude-3-7-sonnet-latest', { type: 'enabled', budget_tokens: 1_024 }, undefined],
  ];
  for (const [thinkingConfig, model, thinking, effort] of cases) {
    const request = turned(crossing, ask({ generationConfig: { thinkingConfig } }), [], { model });
    assert.deepEqual(request['thinking'], thinking, model);
    assert.equal((request['output_config'] as JsonObject | undefined)?.['effort'], effort, model);
  }
});

test('what a thinking model does not take is left out and named', () => {
  const thinkingConfig = { thinkingLevel: 'HIGH', includeThoughts: true };
  const generationConfig = { temperature: 1, topP: 0.95, topK: 64, thinkingConfig };
  const request = turned(crossing, ask({ generationConfig }), ['topP', 'topK'].map(configPath));
  for (const field of ['temperature', 'top_p', 'top_k']) assert.equal(field in request, false, field);
  const dropped = ['generationConfig.thinkingConfig'];
  const tools = [{ functionDeclarations: [{ name: 'f' }] }];
  const toolConfig = { functionCallingConfig: { mode: 'ANY' } };
  const forced = turned(crossing, ask({ tools, toolConfig, generationConfig: { thinkingConfig } }), dropped);
  assert.equal('thinking' in forced, false);
  const contents = [
    { role: 'model', parts: [{ functionCall: { name: 'f' } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'f', response: {} } }] },
  ];
  const model = 'claude-sonnet-4-5';
  assert.equal(
    'thinking' in turned(crossing, { contents, generationConfig: { thinkingConfig } }, dropped, { model }),
    false,
  );
});

test('what is harmless is left out and named', () => {
  const generationConfig = { seed: 5, presencePenalty: 1, mediaResolution: 'LOW' };
  const body = ask({ safetySettings: [{ category: 'x' }], labels: { a: 'b' }, generationConfig });
  const dropped = ['safetySettings', 'labels', ...['seed', 'presencePenalty', 'mediaResolution'].map(configPath)];
  turned(crossing, body, dropped);
});

test('what Messages cannot express is refused with its path', () => {
  const user = (part: JsonObject): JsonObject => ({ contents: [{ role: 'user', parts: [part] }] });
  const config = (generationConfig: JsonObject): JsonObject => ask({ generationConfig });
  const part = 'contents.0.parts.0';
  const cases: [JsonObject, string][] = [
    [{}, 'contents'],
    [{ contents: [{ role: 'user' }] }, 'contents.0.parts'],
    [user({ inlineData: { mimeType: 'audio/wav', data: '' } }), `${part}.inlineData`],
    [user({ inlineData: { mimeType: 'video/mp4', data: '' } }), `${part}.inlineData`],
    [user({ fileData: { mimeType: 'video/mp4', fileUri: 'https://youtu.be/x' } }), `${part}.fileData`],
    [user({ fileData: { mimeType: 'image/png', fileUri: 'gs://b/a' } }), `${part}.fileData.fileUri`],
    [
      user({
        fileData: { mimeType: 'image/png', fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/a' },
      }),
      `${part}.fileData.fileUri`,
    ],
    [user({ functionResponse: { name: 'f', response: {} } }), `${part}.functionResponse`],
    [user({ executableCode: { code: '1' } }), part],
    [user({}), part],
    [ask({ systemInstruction: { parts: [{ inlineData: {} }] } }), 'systemInstruction.parts.0'],
    [ask({ tools: [{ functionDeclarations: [] }, { googleSearch: {} }] }), 'tools.1.googleSearch'],
    [ask({ tools: [{ code_execution: {} }] }), 'tools.0.codeExecution'],
    [ask({ tools: [{ functionDeclarations: [{ name: 'a.b' }] }] }), 'tools.0.functionDeclarations.0.name'],
    [ask({ toolConfig: { functionCallingConfig: { mode: 'SOME' } } }), 'toolConfig.functionCallingConfig.mode'],
    [ask({ cachedContent: 'cachedContents/x' }), 'cachedContent'],
    [config({ candidateCount: 2 }), 'generationConfig.candidateCount'],
    [config({ responseModalities: ['TEXT', 'IMAGE'] }), 'generationConfig.responseModalities'],
    [config({ responseLogprobs: true }), 'generationConfig.responseLogprobs'],
    [config({ responseMimeType: 'application/json' }), 'generationConfig.responseMimeType'],
    [config({ responseMimeType: 'text/x.enum', responseSchema: {} }), 'generationConfig.responseMimeType'],
    [config({ temperature: '1' }), 'generationConfig.temperature'],
  ];
  for (const [body, path] of cases) assert.equal(refused(crossing, body).path, path);
});

const START_USAGE = {
  input_tokens: 70,
  cache_read_input_tokens: 20,
  cache_creation_input_tokens: 10,
  output_tokens: 1,
};
const END_USAGE = { output_tokens: 50, output_tokens_details: { thinking_tokens: 15 } };
const USAGE = {
  promptTokenCount: 100,
  cachedContentTokenCount: 20,
  candidatesTokenCount: 35,
  thoughtsTokenCount: 15,
  totalTokenCount: 150,
};
const SIGNATURE = Buffer.from('penstock-messages-thinking:EqQB').toString('base64');
const PARTS = [
  { text: 'let me see', thought: true, thoughtSignature: SIGNATURE },
  { text: 'Hello' },
  {
    functionCall: { id: 'toolu_1', name: 'f', args: { a: '"\n' } },
    thoughtSignature: 'skip_thought_signature_validator',
  },
  { functionCall: { id: 'toolu_2', name: 'g', args: {} } },
];

test('a message’s thinking, text, calls, ending and usage become a response', () => {
  const message = {
    id: 'msg_1',
    content: [
      { type: 'thinking', thinking: 'let me see', signature: 'EqQB' },
      { type: 'text', text: 'Hello' },
      { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: '"\n' } },
      { type: 'tool_use', id: 'toolu_2', name: 'g', input: {} },
    ],
    stop_reason: 'tool_use',
    usage: { ...START_USAGE, ...END_USAGE },
  };
  assert.deepEqual(crossing.answer(message, ANSWER), {
    candidates: [{ content: { role: 'model', parts: PARTS }, finishReason: 'STOP', index: 0 }],
    usageMetadata: USAGE,
    modelVersion: 'client-model',
    responseId: 'msg_1',
  });
});

function delta(index: number, rest: JsonObject): JsonObject {
  return { type: 'content_block_delta', index, delta: rest };
}

function toolUse(index: number, id: string, name: string, pieces: string[]): JsonObject[] {
  return [
    { type: 'content_block_start', index, content_block: { type: 'tool_use', id, name, input: {} } },
    ...pieces.map((partial_json) => delta(index, { type: 'input_json_delta', partial_json })),
    { type: 'content_block_stop', index },
  ];
}

function ending(stop_reason: string): JsonObject[] {
  return [
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: END_USAGE },
    { type: 'message_stop' },
  ];
}

const START = { type: 'message_start', message: { id: 'msg_1', content: [], usage: START_USAGE } };
const EVENTS: JsonObject[] = [
  START,
  { type: 'ping' },
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  delta(0, { type: 'thinking_delta', thinking: 'let me ' }),
  delta(0, { type: 'thinking_delta', thinking: 'see' }),
  delta(0, { type: 'signature_delta', signature: 'EqQB' }),
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
  delta(1, { type: 'text_delta', text: 'Hel' }),
  delta(1, { type: 'text_delta', text: 'lo' }),
  { type: 'content_block_stop', index: 1 },
  ...toolUse(2, 'toolu_1', 'f', ['', '{"a":', '"\\"\\n"}']),
  ...toolUse(3, 'toolu_2', 'g', []),
  ...ending('tool_use'),
];

test('a stream gives the parts that the JSON answer has, one line each, without names and without [DONE]', () => {
  const text = streamText(crossing, EVENTS);
  assert.match(text, /^(data: \{[^\n\r]*\}\r\n\r\n)+$/);
  assert.doesNotMatch(text, /DONE/);
  assert.deepEqual(joinedChunks(streamed(crossing, EVENTS)), { parts: PARTS, finishReason: 'STOP', usage: USAGE });
});

test('endings are told apart', () => {
  const cases: [string, string][] = [
    ['end_turn', 'STOP'],
    ['stop_sequence', 'STOP'],
    ['pause_turn', 'STOP'],
    ['max_tokens', 'MAX_TOKENS'],
    ['model_context_window_exceeded', 'MAX_TOKENS'],
    ['refusal', 'SAFETY'],
    ['something_new', 'OTHER'],
  ];
  for (const [stopReason, expected] of cases) {
    const [candidate] = crossing.answer({ stop_reason: stopReason }, ANSWER)['candidates'] as JsonObject[];
    assert.equal(candidate!['finishReason'], expected);
    assert.equal(joinedChunks(streamed(crossing, [START, ...ending(stopReason)])).finishReason, expected);
  }
});

test('a call whose arguments are no JSON object is left out and said to be malformed', () => {
  for (const pieces of [['{"a":'], ['[1]'], ['x'], [JSON.stringify(nested(1_000))]]) {
    const answer = joinedChunks(streamed(crossing, [START, ...toolUse(0, 't', 'f', pieces), ...ending('tool_use')]));
    assert.deepEqual(answer.parts, []);
    assert.equal(answer.finishReason, 'MALFORMED_FUNCTION_CALL');
  }
});

test('a stream without message_stop is given no ending', () => {
  for (let events = 0; events < EVENTS.length; events++) {
    const answer = joinedChunks(streamed(crossing, EVENTS.slice(0, events)));
    assert.equal(answer.finishReason, undefined, `${events} events`);
  }
});

test('errors keep their kind and message, before a stream and inside it', () => {
  const cases: [number, string, number, string][] = [
    [400, 'invalid_request_error', 400, 'INVALID_ARGUMENT'],
    [401, 'authentication_error', 401, 'UNAUTHENTICATED'],
    [403, 'permission_error', 403, 'PERMISSION_DENIED'],
    [404, 'not_found_error', 404, 'NOT_FOUND'],
    [413, 'request_too_large', 413, 'INVALID_ARGUMENT'],
    [429, 'rate_limit_error', 429, 'RESOURCE_EXHAUSTED'],
    [500, 'api_error', 500, 'INTERNAL'],
    [529, 'overloaded_error', 503, 'UNAVAILABLE'],
  ];
  for (const [httpStatus, type, code, status] of cases) {
    const body = { type: 'error', error: { type, message: 'no\nway' } };
    const expected = { error: { code, message: 'no\nway', status } };
    assert.deepEqual(crossing.error(httpStatus, body, ANSWER), expected);
    const chunks = streamed(crossing, [...EVENTS.slice(0, 9), body, ...ending('end_turn')]);
    assert.deepEqual(chunks.at(-1), expected);
  }
  assert.deepEqual(crossing.error(502, null, ANSWER), {
    error: { code: 502, message: 'The upstream answered 502.', status: 'UNAVAILABLE' },
  });
});

test('hostile events never make a converter throw', () => {
  const types = EVENTS.map(({ type }) => type);
  for (const garbage of GARBAGE) {
    for (const type of new Set([...types, 'error', 'unheard_of', garbage])) {
      for (const field of ['message', 'content_block', 'delta', 'index', 'usage', 'error']) {
        const events = [
          { type, [field]: garbage },
          ...EVENTS.slice(0, 13),
          { type, [field]: garbage },
          ...ending('end_turn'),
        ];
        streamed(crossing, events as JsonObject[]);
      }
    }
    JSON.stringify(crossing.answer({ content: garbage, usage: garbage, stop_reason: garbage, id: garbage }, ANSWER));
    JSON.stringify(crossing.answer({ content: [garbage] }, ANSWER));
  }
  const block = { type: 'tool_use', id: 't', name: 'f', input: nested(100_000) };
  streamed(crossing, [{ type: 'content_block_start', content_block: block }, ...ending('tool_use')]);
});

test('requests of real clients and a stream with everything in it become what the golden file shows', (t) => {
  assertGolden(
    t,
    crossing,
    ['gemini-cli-routing-request', 'gemini-cli-request', 'google-genai-request'],
    'messages-stream',
  );
});
