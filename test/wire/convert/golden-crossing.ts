/** One answer of each protocol with thinking, text and two calls, and the golden files of what crossings make of it. */
import { join } from 'node:path';
import { test } from 'node:test';
import type { Crossing, JsonObject } from '#wire/convert/crossing.ts';
import { ANSWER_CONTEXT, runStream, type UpstreamEvent } from './run-stream.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
/** Cuts every text at the same places. */
export const EVEN = () => 0.5;

export const MESSAGES_ANSWER = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [
    { type: 'thinking', thinking: 'Let me look.', signature: 'c2ln' },
    { type: 'text', text: 'I look it up.', citations: null },
    { type: 'tool_use', id: 'toolu_1', name: 'functions--exec--freeform', input: { input: 'ls()' } },
    { type: 'tool_use', id: 'toolu_2', name: 'run', input: { path: 'a' } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 10, cache_read_input_tokens: 20, cache_creation_input_tokens: 5, output_tokens: 30 },
};

export const RESPONSES_ANSWER = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  output: [
    { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Let me look.' }] },
    {
      id: 'msg_1',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'I look it up.', annotations: [], logprobs: [] }],
    },
    {
      id: 'fc_1',
      type: 'function_call',
      status: 'completed',
      call_id: 'call_1',
      name: 'run',
      arguments: '{"path":"a"}',
    },
    { id: 'ctc_1', type: 'custom_tool_call', status: 'completed', call_id: 'call_2', name: 'exec', input: 'ls()' },
  ],
  service_tier: 'default',
  usage: {
    input_tokens: 35,
    input_tokens_details: { cached_tokens: 20, cache_write_tokens: 5 },
    output_tokens: 30,
    output_tokens_details: { reasoning_tokens: 12 },
    total_tokens: 65,
  },
};

export const CHAT_ANSWER = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        reasoning_content: 'Let me look.',
        content: 'I look it up.',
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'run', arguments: '{"path":"a"}' } },
          { id: 'call_2', type: 'custom', custom: { name: 'functions--exec', input: 'ls()' } },
        ],
      },
      finish_reason: 'tool_calls',
    },
  ],
  usage: { prompt_tokens: 35, completion_tokens: 30, prompt_tokens_details: { cached_tokens: 20 } },
};

export function testGolden(crossing: Crossing, answer: JsonObject, events: readonly UpstreamEvent[]): void {
  const name = `${crossing.client}-over-${crossing.upstream}`;
  const verbatim = { serializers: [(value: unknown) => String(value)] };

  test(`${name}: thinking, text and two calls are these events`, (t) => {
    t.assert.fileSnapshot(runStream(crossing, events), join(GOLDEN, `${name}-stream.golden`), verbatim);
  });

  test(`${name}: thinking, text and two calls are this answer`, (t) => {
    const text = `${JSON.stringify(crossing.answer(answer, ANSWER_CONTEXT), null, 2)}\n`;
    t.assert.fileSnapshot(text, join(GOLDEN, `${name}-answer.golden`), verbatim);
  });

  test(`${name}: an answer that is cut off has no end`, (t) => {
    const text = runStream(crossing, events.slice(0, 8));
    t.assert.fileSnapshot(text, join(GOLDEN, `${name}-cut.golden`), verbatim);
  });
}
