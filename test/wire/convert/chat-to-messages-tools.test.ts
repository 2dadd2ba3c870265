import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addMessagesTools } from '#wire/convert/chat-to-messages-tools.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { RequestLosses } from '#wire/convert/request-losses.ts';

function convert(body: JsonObject): { out: JsonObject; losses: RequestLosses } {
  const losses = new RequestLosses();
  const out: JsonObject = {};
  addMessagesTools(out, body, losses);
  return { out, losses };
}

function tool(name: string): JsonObject {
  return { type: 'function', function: { name } };
}

const EMPTY = { type: 'object', properties: {} };

test('functions cross with their schema as it is; one without takes an empty object', () => {
  const parameters = { type: 'object', properties: { x: {} } };
  const full = { type: 'function', function: { name: 'f', description: 'd', parameters, strict: true, extra: 1 } };
  const { out, losses } = convert({ tools: [full, tool('g')] });
  assert.deepEqual(out, {
    tools: [
      { name: 'f', description: 'd', input_schema: parameters, strict: true },
      { name: 'g', input_schema: EMPTY },
    ],
  });
  assert.deepEqual(losses.dropped, ['tools.function.extra']);
});

test('every choice has its counterpart, with parallel calls on and off', () => {
  const off = { disable_parallel_tool_use: true };
  const cases: [chat: unknown, messages: JsonObject | undefined, without: JsonObject][] = [
    [undefined, undefined, { type: 'auto', ...off }],
    ['auto', { type: 'auto' }, { type: 'auto', ...off }],
    ['required', { type: 'any' }, { type: 'any', ...off }],
    ['none', { type: 'none' }, { type: 'none' }],
    [tool('f'), { type: 'tool', name: 'f' }, { type: 'tool', name: 'f', ...off }],
  ];
  for (const [tool_choice, messages, without] of cases) {
    assert.deepEqual(convert({ tools: [tool('f')], tool_choice }).out['tool_choice'], messages);
    const body = { tools: [tool('f')], tool_choice, parallel_tool_calls: false };
    assert.deepEqual(convert(body).out['tool_choice'], without);
  }
});

test('tools that are not allowed are not offered', () => {
  const allowed = (mode: string, ...names: string[]) => ({
    tools: [tool('f'), tool('g')],
    tool_choice: { type: 'allowed_tools', allowed_tools: { mode, tools: names.map(tool) } },
  });
  assert.deepEqual(convert(allowed('auto', 'g')).out, {
    tools: [{ name: 'g', input_schema: EMPTY }],
    tool_choice: { type: 'auto' },
  });
  assert.deepEqual(convert(allowed('required', 'f')).out['tool_choice'], { type: 'any' });
  assert.equal(convert(allowed('auto', 'h')).losses.unsupported?.path, 'tool_choice.allowed_tools');
});

test('without tools there is nothing to switch off', () => {
  assert.deepEqual(convert({ tools: [], tool_choice: 'none', parallel_tool_calls: false }).out, {});
  assert.deepEqual(convert({}).out, {});
});

test('other kinds of tools and choices are refused at their path', () => {
  const custom = { type: 'custom', custom: { name: 'c' } };
  assert.equal(convert({ tools: [tool('f'), custom] }).losses.unsupported?.path, 'tools.1');
  assert.equal(convert({ tools: ['f'] }).losses.unsupported?.path, 'tools.0');
  assert.equal(convert({ tools: 7 }).losses.unsupported?.path, 'tools');
  assert.equal(convert({ tool_choice: custom }).losses.unsupported?.path, 'tool_choice');
  assert.equal(convert({ tools: [tool('f')], parallel_tool_calls: 0 }).losses.unsupported?.path, 'parallel_tool_calls');
});
