import type { JsonObject } from '#wire/convert/crossing.ts';
import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { testServed } from './crossing-tables.ts';

const TABLE = { crossing: responsesOverMessages, base: { model: 'gpt', input: 'hi' } };
const USER_HI = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

function user(...content: JsonObject[]): JsonObject {
  return { type: 'message', role: 'user', content };
}

testServed(TABLE, [
  [
    'text is one message of the user',
    {},
    { model: 'upstream-model', max_tokens: 4_096, messages: [USER_HI], stream: undefined },
  ],
  [
    'instructions and leading developer messages are the system prompt, later ones keep their place',
    {
      instructions: 'a',
      input: [
        { role: 'developer', content: 'b' },
        { role: 'user', content: 'hi' },
        { role: 'system', content: 'c' },
        { role: 'user', content: 'go' },
      ],
    },
    {
      system: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      messages: [
        USER_HI,
        { role: 'system', content: [{ type: 'text', text: 'c' }] },
        { role: 'user', content: [{ type: 'text', text: 'go' }] },
      ],
    },
  ],
  [
    'parallel calls are one message of the assistant, their outputs one of the user, before what the user says',
    {
      input: [
        { role: 'user', content: 'hi' },
        { type: 'function_call', call_id: 'a', name: 'run', arguments: '{"x":1}' },
        { type: 'function_call', call_id: 'b', name: 'run', arguments: '' },
        { role: 'user', content: 'and?' },
        { type: 'function_call_output', call_id: 'a', output: 'one' },
        { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'two' }] },
      ],
    },
    {
      messages: [
        USER_HI,
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'a', name: 'run', input: { x: 1 } },
            { type: 'tool_use', id: 'b', name: 'run', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'one' },
            { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'two' }] },
            { type: 'text', text: 'and?' },
          ],
        },
      ],
    },
  ],
  [
    'images and files are told, in messages and in outputs of tools; how finely an image is looked at is dropped',
    {
      input: [
        user(
          { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'high' },
          { type: 'input_image', image_url: 'https://a/b.png' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
          { type: 'input_file', filename: 'a.txt', file_data: 'data:text/plain;base64,aGk=' },
          { type: 'input_file', file_url: 'https://a/b.pdf' },
        ),
      ],
    },
    {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
            { type: 'image', source: { type: 'url', url: 'https://a/b.png' } },
            {
              type: 'document',
              source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' },
              title: 'a.pdf',
            },
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hi' }, title: 'a.txt' },
            { type: 'document', source: { type: 'url', url: 'https://a/b.pdf' } },
          ],
        },
      ],
    },
    ['input.image.detail'],
  ],
]);
