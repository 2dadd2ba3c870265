/** What the scan finds in the requests of each protocol. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Facts, isScanError } from '#wire/facts.ts';
import {
  CHAT_SHAPE,
  COMPLETIONS_SHAPE,
  EMBEDDINGS_SHAPE,
  GEMINI_BATCH_EMBED_SHAPE,
  GEMINI_COUNT_SHAPE,
  GEMINI_EMBED_SHAPE,
  GEMINI_SHAPE,
  RESPONSES_SHAPE,
  type RequestShape,
} from '#wire/request-shape.ts';
import { scan } from '#wire/scan.ts';

function factsOf(body: object | string, shape: RequestShape): Facts {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const facts = scan(bytes, 32, shape);
  assert.ok(!isScanError(facts), 'the body is JSON');
  return facts;
}

function errorOf(body: object | string, shape: RequestShape): string | null {
  return factsOf(body, shape).fieldError?.path ?? null;
}

test('Chat: texts of string and part contents, either limit, the cache key, the stream options', () => {
  const body = {
    model: 'gpt-5.2',
    stream: true,
    max_completion_tokens: 300,
    prompt_cache_key: 'k',
    stream_options: { include_usage: true },
    tools: [{ type: 'function', function: { name: 'f' } }],
    messages: [
      { role: 'system', content: 'abc' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'de' },
          { type: 'image_url', image_url: { url: 'x' } },
        ],
      },
    ],
  };
  const facts = factsOf(body, CHAT_SHAPE);
  assert.deepEqual(
    [facts.fieldError, facts.model, facts.stream, facts.maxTokens, facts.cacheKey, facts.includeUsage],
    [null, 'gpt-5.2', true, 300, 'k', true],
  );
  assert.deepEqual([facts.textBytes, facts.toolsCount, facts.messagesCount], [5, 1, 2]);
  const text = JSON.stringify(body);
  assert.equal(text.slice(facts.streamOptionsStart, facts.streamOptionsEnd), '{"include_usage":true}');
});

test('OpenAI bodies may say null where they say nothing', () => {
  const facts = factsOf({ model: 'm', messages: [], max_tokens: null, stream: null, stream_options: null }, CHAT_SHAPE);
  assert.deepEqual([facts.fieldError, facts.maxTokens, facts.stream, facts.includeUsage], [null, null, false, false]);
});

test('Chat: what is wrong is named by its path', () => {
  assert.equal(errorOf({ messages: [] }, CHAT_SHAPE), 'model');
  assert.equal(errorOf({ model: 'm' }, CHAT_SHAPE), 'messages');
  assert.equal(errorOf({ model: 'm', messages: {} }, CHAT_SHAPE), 'messages');
  assert.equal(errorOf({ model: 'm', messages: [], max_tokens: 'x' }, CHAT_SHAPE), 'max_tokens');
  assert.equal(errorOf({ model: 'm', messages: [], stream: 1 }, CHAT_SHAPE), 'stream');
  assert.equal(errorOf({ model: 'm', messages: [], stream_options: [] }, CHAT_SHAPE), 'stream_options');
  assert.equal(errorOf({ model: 'm', messages: [], prompt_cache_key: {} }, CHAT_SHAPE), 'prompt_cache_key');
});

test('Responses: input as a text or as items, instructions, the response before', () => {
  const text = factsOf(
    { model: 'm', input: 'hello', instructions: 'be', previous_response_id: 'resp_1' },
    RESPONSES_SHAPE,
  );
  assert.deepEqual(
    [text.fieldError, text.textBytes, text.messagesCount, text.previousId, text.maxTokens],
    [null, 7, 1, 'resp_1', null],
  );
  const items = factsOf(
    {
      model: 'm',
      max_output_tokens: 9,
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'ab' }] },
        { role: 'user', content: 'cd' },
        { type: 'function_call', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'efg' },
      ],
    },
    RESPONSES_SHAPE,
  );
  assert.deepEqual([items.textBytes, items.messagesCount, items.maxTokens], [9, 4, 9]);
  assert.equal(errorOf({ model: 'm' }, RESPONSES_SHAPE), null, 'a stored prompt needs no input');
  assert.equal(errorOf({ model: 'm', input: 7 }, RESPONSES_SHAPE), 'input');
  assert.equal(errorOf({ model: 'm', input: [], previous_response_id: [] }, RESPONSES_SHAPE), 'previous_response_id');
});

test('completions and embeddings: a text, texts, or numbers of tokens', () => {
  assert.equal(factsOf({ model: 'm', prompt: 'abc' }, COMPLETIONS_SHAPE).textBytes, 3);
  assert.equal(factsOf({ model: 'm', prompt: ['abc', 'de'] }, COMPLETIONS_SHAPE).textBytes, 5);
  assert.equal(factsOf({ model: 'm', input: ['abc', 'de'] }, EMBEDDINGS_SHAPE).textBytes, 5);
  const numbers = factsOf({ model: 'm', input: [1, 2, 3] }, EMBEDDINGS_SHAPE);
  assert.deepEqual([numbers.fieldError, numbers.messagesCount], [null, 3]);
  assert.equal(errorOf({ model: 'm', input: {} }, EMBEDDINGS_SHAPE), 'input');
  assert.equal(errorOf({ model: 'm' }, EMBEDDINGS_SHAPE), 'input');
});

test('Gemini: the path names the model, the limit is in generationConfig, content may be one object', () => {
  const body = {
    systemInstruction: { parts: [{ text: 'abc' }] },
    contents: [
      { role: 'user', parts: [{ text: 'de' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
      { role: 'model', parts: [{ functionCall: { name: 'f', args: { text: 'not this' } } }] },
    ],
    tools: [{ functionDeclarations: [] }],
    generationConfig: { maxOutputTokens: 77 },
  };
  const facts = factsOf(body, GEMINI_SHAPE);
  assert.deepEqual(
    [facts.fieldError, facts.model, facts.textBytes, facts.maxTokens, facts.toolsCount, facts.messagesCount],
    [null, null, 5, 77, 1, 2],
  );
  assert.equal(factsOf({ contents: { parts: [{ text: 'abc' }] } }, GEMINI_SHAPE).textBytes, 3);
  assert.equal(factsOf({ system_instruction: { parts: [{ text: 'ab' }] }, contents: 'c' }, GEMINI_SHAPE).textBytes, 3);
  assert.equal(errorOf({}, GEMINI_SHAPE), 'contents');
  assert.equal(errorOf({ contents: 7 }, GEMINI_SHAPE), 'contents');
  const limit = { contents: [], generationConfig: { maxOutputTokens: -1 } };
  assert.equal(errorOf(limit, GEMINI_SHAPE), 'generationConfig.maxOutputTokens');
});

test('Gemini: of how many candidates the answer is to be made; 1 where that is not said, or wrong', () => {
  const asked = (config: object | string) =>
    factsOf(typeof config === 'string' ? config : { contents: [], generationConfig: config }, GEMINI_SHAPE).candidates;
  assert.deepEqual([asked({}), asked({ candidateCount: 3 }), asked({ candidate_count: 2 })], [1, 3, 2]);
  assert.deepEqual(
    [asked({ candidateCount: 0 }), asked({ candidateCount: '3' }), asked({ candidateCount: {} })],
    [1, 1, 1],
  );
  assert.equal(asked('{"contents":[],"generationConfig":{"candidateCount":5},"generationConfig":{}}'), 1);
});

test('of two generationConfigs the last counts', () => {
  const body = '{"contents":[],"generationConfig":{"maxOutputTokens":5},"generationConfig":{}}';
  assert.equal(factsOf(body, GEMINI_SHAPE).maxTokens, null);
});

test('Gemini: countTokens takes a whole request, embedContent one content, its batch many', () => {
  assert.equal(errorOf({ generateContentRequest: { contents: [] } }, GEMINI_COUNT_SHAPE), null);
  const parts = {
    contents: [{ parts: [{ text: 'ab' }] }],
    systemInstruction: { parts: [{ text: 'cde' }] },
    tools: [{ functionDeclarations: [] }],
    generationConfig: {},
  };
  const whole = { generateContentRequest: { model: 'models/m', ...parts, safetySettings: [] } };
  for (const body of [parts, whole]) {
    const { textBytes, messagesCount, toolsCount, toolsStart, toolsEnd } = factsOf(body, GEMINI_COUNT_SHAPE);
    assert.deepEqual([textBytes, messagesCount, toolsCount], [5, 1, 1]);
    assert.equal(JSON.stringify(body).slice(toolsStart, toolsEnd), JSON.stringify(parts.tools));
  }
  assert.equal(factsOf({ content: { parts: [{ text: 'abc' }] } }, GEMINI_EMBED_SHAPE).textBytes, 3);
  const requests = [
    { model: 'models/e', content: { parts: [{ text: 'ab' }] } },
    { content: { parts: [{ text: 'c' }] } },
  ];
  assert.deepEqual(
    [
      factsOf({ requests }, GEMINI_BATCH_EMBED_SHAPE).textBytes,
      factsOf({ requests }, GEMINI_BATCH_EMBED_SHAPE).messagesCount,
    ],
    [3, 2],
  );
  assert.deepEqual(
    [{}, { requests: 7 }, { requests: {} }, { requests: 'a' }].map((body) => errorOf(body, GEMINI_BATCH_EMBED_SHAPE)),
    Array(4).fill('requests'),
  );
  assert.equal(errorOf({ requests }, GEMINI_EMBED_SHAPE), 'content');
});
