/** Random whole answers of each protocol, as far as the other protocols can say the same. */
import type { JsonObject } from '#wire/convert/crossing.ts';

export type Random = () => number;

const WORDS = ['hello', ' wörld', '\n', ' 🦜', ' "quoted"', ' a\\b', ' {"x":1}', '\u2028', ' end.'];

export function words(random: Random): string {
  const count = 1 + Math.floor(random() * 8);
  return Array.from({ length: count }, () => WORDS[Math.floor(random() * WORDS.length)]).join('');
}

export function count(random: Random, below: number): number {
  return Math.floor(random() * below);
}

export function chance(random: Random, likelihood: number): boolean {
  return random() < likelihood;
}

export function input(random: Random): JsonObject {
  const made: JsonObject = {};
  for (let i = count(random, 4); i > 0; i--)
    made[`field${i}`] = chance(random, 0.5) ? words(random) : { n: [i, null, true] };
  return made;
}

/** Calls of an answer, one after another; none in half of the cases. */
function calls(random: Random): { id: string; name: string; input: JsonObject }[] {
  const many = chance(random, 0.5) ? 1 + count(random, 3) : 0;
  return Array.from({ length: many }, (_, i) => ({
    id: `call_${i}`,
    name: ['get_weather', 'mcp__files', 'run'][count(random, 3)]!,
    input: input(random),
  }));
}

export function messagesAnswer(random: Random): JsonObject {
  const content: JsonObject[] = [];
  if (chance(random, 0.4)) content.push({ type: 'thinking', thinking: words(random), signature: 'c2ln' });
  for (let i = count(random, 3); i > 0; i--) content.push({ type: 'text', text: words(random), citations: null });
  const called = calls(random);
  for (const call of called) content.push({ type: 'tool_use', ...call });
  const ended = ['end_turn', 'max_tokens', 'refusal'][count(random, 3)];
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content,
    stop_reason: called.length > 0 ? 'tool_use' : ended,
    stop_sequence: null,
    usage: {
      input_tokens: 1 + count(random, 1_000),
      cache_creation_input_tokens: count(random, 100),
      cache_read_input_tokens: count(random, 100),
      output_tokens: 1 + count(random, 1_000),
      output_tokens_details: { thinking_tokens: count(random, 50) },
      server_tool_use: null,
      service_tier: ['standard', 'priority'][count(random, 2)],
    },
  };
}

export function responsesAnswer(random: Random): JsonObject {
  const output: JsonObject[] = [];
  if (chance(random, 0.4)) {
    const summary = Array.from({ length: 1 + count(random, 2) }, () => ({ type: 'summary_text', text: words(random) }));
    output.push({ id: 'rs_1', type: 'reasoning', summary });
  }
  if (chance(random, 0.7)) {
    const content = Array.from({ length: 1 + count(random, 2) }, () => textPart(random));
    output.push({ id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content });
  }
  for (const { id, name, input } of calls(random)) {
    const text = JSON.stringify(input);
    output.push({ id: `fc_${id}`, type: 'function_call', status: 'completed', call_id: id, name, arguments: text });
  }
  const reason = [null, null, 'max_output_tokens', 'content_filter'][count(random, 4)];
  const tokens = 1 + count(random, 1_000);
  const written = 1 + count(random, 1_000);
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: reason === null ? 'completed' : 'incomplete',
    incomplete_details: reason === null ? null : { reason },
    error: null,
    model: 'gpt',
    output,
    service_tier: ['default', 'priority'][count(random, 2)],
    usage: {
      input_tokens: tokens + 200,
      input_tokens_details: { cached_tokens: count(random, 100), cache_write_tokens: count(random, 100) },
      output_tokens: written,
      output_tokens_details: { reasoning_tokens: count(random, 50) },
      total_tokens: tokens + 200 + written,
    },
  };
}

function textPart(random: Random): JsonObject {
  const text = words(random);
  const citation = { type: 'url_citation', url: 'https://a', title: 'A', start_index: 0, end_index: text.length };
  return { type: 'output_text', text, annotations: chance(random, 0.3) ? [citation] : [], logprobs: [] };
}

export function chatAnswer(random: Random): JsonObject {
  const message: JsonObject = { role: 'assistant', content: chance(random, 0.7) ? words(random) : null, refusal: null };
  if (chance(random, 0.4)) message['reasoning_content'] = words(random);
  const called = calls(random).map(({ id, name, input }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }));
  if (called.length > 0) message['tool_calls'] = called;
  const finish = called.length > 0 ? 'tool_calls' : ['stop', 'length', 'content_filter'][count(random, 3)];
  const prompt = 200 + count(random, 1_000);
  const completion = 1 + count(random, 1_000);
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt',
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    service_tier: 'default',
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      prompt_tokens_details: { cached_tokens: count(random, 100), cache_write_tokens: count(random, 50) },
      completion_tokens_details: { reasoning_tokens: count(random, 50) },
    },
  };
}
