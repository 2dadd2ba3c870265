import { responsesOverMessages } from '#wire/convert/responses-over-messages.ts';
import { testServed } from './crossing-tables.ts';

const TABLE = { crossing: responsesOverMessages, base: { model: 'gpt', input: 'hi' } };
const RUN = { type: 'function', name: 'run', parameters: { type: 'object' }, strict: false };
const USER_HI = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

testServed(TABLE, [
  [
    'functions are tools; one without parameters takes none',
    {
      tools: [
        { ...RUN, description: 'd', strict: true },
        { type: 'function', name: 'go', parameters: null, strict: null },
      ],
    },
    {
      tools: [
        { name: 'run', description: 'd', input_schema: { type: 'object' }, strict: true },
        { name: 'go', input_schema: { type: 'object', properties: {} } },
      ],
      tool_choice: undefined,
    },
  ],
  [
    'a free-form tool of a namespace, told in an item, is a function that takes its input; its grammar is told in words',
    {
      input: [
        {
          type: 'additional_tools',
          role: 'developer',
          tools: [
            {
              type: 'namespace',
              name: 'functions',
              description: '',
              tools: [
                {
                  type: 'custom',
                  name: 'exec',
                  description: 'Runs.',
                  format: { type: 'grammar', syntax: 'lark', definition: 'start: x' },
                },
                { ...RUN, name: 'wait' },
              ],
            },
          ],
        },
        { role: 'user', content: 'hi' },
        { type: 'custom_tool_call', call_id: 'a', name: 'exec', namespace: 'functions', input: 'x()' },
        { type: 'custom_tool_call_output', call_id: 'a', output: 'done' },
      ],
    },
    {
      tools: [
        {
          name: 'functions--exec--freeform',
          description: 'Runs.\n\nThe input is free-form text that follows this lark grammar:\nstart: x',
          input_schema: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
        },
        { name: 'functions--wait', input_schema: { type: 'object' } },
      ],
      messages: [
        USER_HI,
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 'a', name: 'functions--exec--freeform', input: { input: 'x()' } }],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'done' }] },
      ],
    },
    ['tools.format'],
  ],
  ['a choice has its counterpart', { tools: [RUN], tool_choice: 'required' }, { tool_choice: { type: 'any' } }],
  ['no tool at all', { tools: [RUN], tool_choice: 'none' }, { tool_choice: { type: 'none' } }],
  [
    'one tool',
    { tools: [RUN], tool_choice: { type: 'function', name: 'run' } },
    { tool_choice: { type: 'tool', name: 'run' } },
  ],
  [
    'allowed tools are the only ones told',
    {
      tools: [RUN, { ...RUN, name: 'go' }],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'go' }] },
    },
    { tools: [{ name: 'go', input_schema: { type: 'object' } }], tool_choice: { type: 'any' } },
  ],
  [
    'one call at a time',
    { tools: [RUN], parallel_tool_calls: false },
    { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
  ],
  [
    'a choice without tools says nothing',
    { tool_choice: 'auto', parallel_tool_calls: false },
    { tool_choice: undefined, tools: undefined },
  ],
  [
    'web search is the same tool',
    {
      tools: [
        {
          type: 'web_search',
          filters: { allowed_domains: ['a.org'] },
          user_location: { type: 'approximate', city: 'Bonn' },
          search_context_size: 'low',
        },
      ],
      max_tool_calls: 3,
    },
    {
      tools: [
        {
          type: 'web_search_20250305',
          name: 'web_search',
          allowed_domains: ['a.org'],
          user_location: { type: 'approximate', city: 'Bonn' },
          max_uses: 3,
        },
      ],
    },
    ['tools.web_search.search_context_size'],
  ],
  [
    'web search that must not reach the web is left out',
    { tools: [{ type: 'web_search', external_web_access: false }] },
    { tools: undefined },
    ['tools.web_search'],
  ],
]);
