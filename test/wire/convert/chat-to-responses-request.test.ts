import { chatOverResponses } from '#wire/convert/chat-over-responses.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { testRefused, testServed } from './crossing-tables.ts';

const HI = { role: 'user', content: 'hi' };
const TABLE = { crossing: chatOverResponses, base: { model: 'gpt', messages: [HI] } };
const RUN = { type: 'function', function: { name: 'run', parameters: { type: 'object' } } };
const INPUT_HI = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] };

function withUser(...content: JsonObject[]): JsonObject {
  return { messages: [{ role: 'user', content }] };
}

testServed(TABLE, [
  ['text is one message, and nothing is stored', {}, { model: 'upstream-model', input: [INPUT_HI], store: false }],
  ['what is to be stored is', { store: true }, { store: true }],
  [
    'system and developer messages keep role and place, names are dropped',
    {
      messages: [
        { role: 'system', content: 's' },
        { ...HI, name: 'bob' },
        { role: 'developer', content: 'd' },
      ],
    },
    {
      input: [
        { type: 'message', role: 'system', content: [{ type: 'input_text', text: 's' }] },
        INPUT_HI,
        { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'd' }] },
      ],
    },
    ['messages.name'],
  ],
  [
    'parallel calls of both kinds and their results are items',
    {
      messages: [
        HI,
        {
          role: 'assistant',
          content: 'ok',
          refusal: null,
          reasoning_content: 'hm',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'run', arguments: '{"x":1}' } },
            { id: 'b', type: 'custom', custom: { name: 'free', input: 'x()' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'one' },
        { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'two' }] },
      ],
    },
    {
      input: [
        INPUT_HI,
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'ok' }] },
        { type: 'function_call', call_id: 'a', name: 'run', arguments: '{"x":1}' },
        { type: 'custom_tool_call', call_id: 'b', name: 'free', input: 'x()' },
        { type: 'function_call_output', call_id: 'a', output: 'one' },
        { type: 'custom_tool_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'two' }] },
      ],
    },
    ['messages.reasoning_content'],
  ],
  [
    'images and files are told',
    withUser(
      { type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'low' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
      { type: 'file', file: { file_id: 'f' } },
    ),
    {
      input: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_image', image_url: 'https://a/b.png', detail: 'low' },
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
            { type: 'input_file', file_id: 'f' },
          ],
        },
      ],
    },
  ],
  [
    'a function that does not say it is strict is not',
    { tools: [RUN] },
    { tools: [{ type: 'function', name: 'run', parameters: { type: 'object' }, strict: false }] },
  ],
  [
    'a choice is not nested',
    { tools: [RUN], tool_choice: { type: 'function', function: { name: 'run' } }, parallel_tool_calls: false },
    { tool_choice: { type: 'function', name: 'run' }, parallel_tool_calls: false },
  ],
  [
    'search options are the tool of that name',
    {
      web_search_options: {
        search_context_size: 'low',
        user_location: { type: 'approximate', approximate: { city: 'Bonn' } },
      },
    },
    {
      tools: [{ type: 'web_search', search_context_size: 'low', user_location: { type: 'approximate', city: 'Bonn' } }],
    },
  ],
  [
    'a format is part of the text',
    {
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: true } },
      verbosity: 'low',
    },
    { text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: true }, verbosity: 'low' } },
  ],
  [
    'any JSON is a format, too',
    { response_format: { type: 'json_object' } },
    { text: { format: { type: 'json_object' } } },
  ],
  ['effort', { reasoning_effort: 'high' }, { reasoning: { effort: 'high' } }],
  ['the newer limit goes first', { max_tokens: 50, max_completion_tokens: 60 }, { max_output_tokens: 60 }],
  ['a limit that is too low is raised and named', { max_tokens: 1 }, { max_output_tokens: 16 }, ['max_tokens']],
  [
    'log probabilities are asked for',
    { logprobs: true, top_logprobs: 2 },
    { include: ['message.output_text.logprobs'], top_logprobs: 2 },
  ],
  [
    'what changes no answer is dropped and named',
    { seed: 7, prediction: { type: 'content', content: 'x' }, n: 1, stop: null, logit_bias: {}, modalities: ['text'] },
    {},
    ['seed', 'prediction'],
  ],
]);

testRefused(TABLE, [
  ['n', { n: 2 }],
  ['stop', { stop: ['x'] }],
  ['frequency_penalty', { frequency_penalty: 0.5 }],
  ['presence_penalty', { presence_penalty: -1 }],
  ['logit_bias', { logit_bias: { '5': 1 } }],
  ['audio', { audio: { voice: 'x' } }],
  ['modalities', { modalities: ['text', 'audio'] }],
  ['functions', { functions: [{ name: 'x' }] }],
  ['function_call', { function_call: 'auto' }],
  ['moderation', { moderation: { model: 'x' } }],
  ['messages', { messages: 'hi' }],
  ['messages.0.role', { messages: [{ role: 'function', content: 'x' }] }],
  ['messages.0.content.0', withUser({ type: 'input_audio', input_audio: {} })],
  ['messages.0.tool_calls.0', { messages: [{ role: 'assistant', tool_calls: [{ type: 'function' }] }] }],
  ['tools.0', { tools: [{ type: 'other' }] }],
  ['max_tokens', { max_tokens: 'many' }],
]);
