/** Random requests of each protocol, as far as the other protocols can ask for the same, in the form that comes back. */
import type { JsonObject } from '#wire/convert/crossing.ts';
import { chance, count, input, type Random, words } from './generated-answers.ts';

const SCHEMA = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const PDF = 'data:application/pdf;base64,JVBERi0=';

function pick<T>(random: Random, values: readonly T[]): T {
  return values[count(random, values.length)]!;
}

function maybe(random: Random, field: string, value: unknown): JsonObject {
  return chance(random, 0.5) ? { [field]: value } : {};
}

/** Turns of a conversation that ends with the user; `calls` > 0: the assistant called that many tools, and they answered. */
function turns(random: Random): { calls: number }[] {
  return Array.from({ length: count(random, 4) }, () => ({ calls: count(random, 3) }));
}

export function messagesRequest(random: Random): JsonObject {
  const messages: JsonObject[] = [{ role: 'user', content: userBlocks(random) }];
  for (const { calls } of turns(random)) {
    const content: JsonObject[] = [{ type: 'text', text: words(random) }];
    const answers: JsonObject[] = [];
    for (let i = 0; i < calls; i++) {
      const id = `call_${messages.length}_${i}`;
      content.push({ type: 'tool_use', id, name: 'run', input: input(random) });
      answers.push({ type: 'tool_result', tool_use_id: id, content: words(random) });
    }
    messages.push({ role: 'assistant', content });
    messages.push({ role: 'user', content: [...answers, ...userBlocks(random)] });
  }
  const hasTools = chance(random, 0.6);
  const effort = pick(random, ['low', 'medium', 'high', 'xhigh', 'max']);
  const thinks = chance(random, 0.4);
  const format = chance(random, 0.3) ? { format: { type: 'json_schema', schema: SCHEMA } } : {};
  const config = { ...(thinks ? { effort } : {}), ...format };
  const choice = pick(random, [{ type: 'none' }, ...(thinks ? [] : [{ type: 'any' }, { type: 'tool', name: 'run' }])]);
  return {
    model: 'm',
    max_tokens: 16 + count(random, 1_000),
    messages,
    ...maybe(random, 'system', [{ type: 'text', text: words(random) }]),
    ...(hasTools ? { tools: [{ name: 'run', description: words(random), input_schema: SCHEMA }] } : {}),
    ...(hasTools && chance(random, 0.5) ? { tool_choice: choice } : {}),
    ...(thinks ? { thinking: { type: 'adaptive', display: 'summarized' } } : {}),
    ...(Object.keys(config).length > 0 ? { output_config: config } : {}),
    ...maybe(random, 'temperature', 0.5),
    ...maybe(random, 'top_p', 0.9),
    ...maybe(random, 'metadata', { user_id: 'u-1' }),
    ...maybe(random, 'service_tier', pick(random, ['auto', 'standard_only'])),
  };
}

function userBlocks(random: Random): JsonObject[] {
  const blocks: JsonObject[] = [{ type: 'text', text: words(random) }];
  if (chance(random, 0.3)) {
    const base64 = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };
    blocks.push({ type: 'image', source: pick(random, [base64, { type: 'url', url: 'https://a/b.png' }]) });
  }
  if (chance(random, 0.3)) {
    const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' };
    const text = { type: 'text', media_type: 'text/plain', data: 'pläin' };
    blocks.push({
      type: 'document',
      source: pick(random, [pdf, text, { type: 'url', url: 'https://a/b' }]),
      title: 't',
    });
  }
  return blocks;
}

export interface ResponsesKinds {
  /** What the protocol in between has no word for is left out. */
  readonly forChat: boolean;
}

export function responsesRequest(random: Random, { forChat }: ResponsesKinds): JsonObject {
  const items: JsonObject[] = [{ type: 'message', role: 'user', content: userParts(random, forChat) }];
  for (const { calls } of turns(random)) {
    items.push({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: words(random) }] });
    const answers: JsonObject[] = [];
    for (let i = 0; i < calls; i++) {
      const call_id = `call_${items.length}`;
      items.push({ type: 'function_call', call_id, name: 'run', arguments: JSON.stringify(input(random)) });
      answers.push({ type: 'function_call_output', call_id, output: words(random) });
    }
    items.push(...answers, { type: 'message', role: 'user', content: userParts(random, forChat) });
  }
  const hasTools = chance(random, 0.6);
  const tool = { type: 'function', name: 'run', parameters: SCHEMA, strict: chance(random, 0.5), description: 'd' };
  const format = { type: 'json_schema', name: 'answer', schema: SCHEMA, strict: true };
  const forced = chance(random, 0.3);
  const choice = pick(random, ['none', 'required', { type: 'function', name: 'run' }]);
  return {
    model: 'm',
    input: items,
    store: false,
    ...maybe(random, 'instructions', words(random)),
    ...maybe(random, 'max_output_tokens', 16 + count(random, 1_000)),
    ...(hasTools ? { tools: [tool] } : {}),
    ...(hasTools && forced ? { tool_choice: choice } : {}),
    ...(hasTools && forced && choice !== 'none' && chance(random, 0.5) ? { parallel_tool_calls: false } : {}),
    ...(!forced ? maybe(random, 'reasoning', { effort: pick(random, ['none', 'low', 'medium', 'high', 'max']) }) : {}),
    ...maybe(random, 'text', { format }),
    ...maybe(random, 'temperature', 0.5),
    ...maybe(random, 'top_p', 0.9),
    ...maybe(random, 'safety_identifier', 'u-1'),
    ...(forChat ? maybe(random, 'prompt_cache_key', 'k') : {}),
    ...maybe(random, 'service_tier', pick(random, ['auto', 'default'])),
  };
}

function userParts(random: Random, forChat: boolean): JsonObject[] {
  const parts: JsonObject[] = [{ type: 'input_text', text: words(random) }];
  if (chance(random, 0.3)) {
    parts.push({ type: 'input_image', image_url: pick(random, [PNG, 'https://a/b.png']), detail: 'auto' });
  }
  const file = { type: 'input_file', filename: 'a.pdf', file_data: PDF };
  const link = { type: 'input_file', file_url: 'https://a/b' };
  if (chance(random, 0.3)) parts.push(forChat ? file : pick(random, [file, link]));
  return parts;
}

export function chatRequest(random: Random): JsonObject {
  const messages: JsonObject[] = [{ role: 'system', content: [{ type: 'text', text: words(random) }] }];
  messages.push({ role: 'user', content: chatParts(random) });
  for (const { calls } of turns(random)) {
    const message: JsonObject = { role: 'assistant', content: words(random) };
    const answers: JsonObject[] = [];
    for (let i = 0; i < calls; i++) {
      const id = `call_${messages.length}_${i}`;
      const called = chance(random, 0.3)
        ? { id, type: 'custom', custom: { name: 'free', input: words(random) } }
        : { id, type: 'function', function: { name: 'run', arguments: JSON.stringify(input(random)) } };
      answers.push({ role: 'tool', tool_call_id: id, content: words(random) });
      message['tool_calls'] = [...((message['tool_calls'] as JsonObject[]) ?? []), called];
    }
    messages.push(message, ...answers, { role: 'user', content: chatParts(random) });
  }
  const run = { name: 'run', description: 'd', parameters: SCHEMA, ...(chance(random, 0.5) ? { strict: true } : {}) };
  const grammar = { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } };
  const tools = [
    { type: 'function', function: run },
    { type: 'custom', custom: { name: 'free', format: grammar } },
  ];
  const named = { type: 'function', function: { name: 'run' } };
  const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named] } };
  const hasTools = chance(random, 0.6);
  const format = { type: 'json_schema', json_schema: { name: 'f', schema: SCHEMA, strict: true } };
  return {
    model: 'm',
    messages,
    ...(hasTools ? { tools } : {}),
    ...(hasTools ? maybe(random, 'tool_choice', pick(random, ['auto', 'none', 'required', named, allowed])) : {}),
    ...(hasTools ? maybe(random, 'parallel_tool_calls', chance(random, 0.5)) : {}),
    ...maybe(random, 'response_format', pick<JsonObject>(random, [format, { type: 'json_object' }])),
    ...maybe(random, 'verbosity', 'low'),
    ...maybe(random, 'reasoning_effort', pick(random, ['none', 'minimal', 'low', 'high'])),
    ...maybe(random, 'max_completion_tokens', 16 + count(random, 1_000)),
    ...maybe(random, 'temperature', 1.5),
    ...maybe(random, 'top_p', 0.9),
    ...maybe(random, 'user', 'u-1'),
    ...maybe(random, 'safety_identifier', 's-1'),
    ...maybe(random, 'prompt_cache_key', 'k'),
    ...maybe(random, 'service_tier', pick(random, ['auto', 'default', 'flex'])),
    ...(chance(random, 0.3) ? { logprobs: true, top_logprobs: 3 } : {}),
  };
}

function chatParts(random: Random): JsonObject[] {
  const parts: JsonObject[] = [{ type: 'text', text: words(random) }];
  const image = { url: PNG };
  if (chance(random, 0.3)) {
    parts.push({ type: 'image_url', image_url: pick<JsonObject>(random, [image, { ...image, detail: 'high' }]) });
  }
  if (chance(random, 0.3)) parts.push({ type: 'file', file: { filename: 'a.pdf', file_data: PDF } });
  return parts;
}
