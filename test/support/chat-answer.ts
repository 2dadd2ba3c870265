/** Bytes of scripted answers in the shape of Chat Completions, whole and streamed. Pure; the scripted upstream serves them. */
import { argumentsOf, type ModelScript, type TokenUse, textOf } from './model-script.ts';

export function chatUsage({ input, cached, output, reasoning }: TokenUse): object {
  return {
    prompt_tokens: input + cached,
    completion_tokens: output,
    total_tokens: input + cached + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

const finishOf = ({ calls }: ModelScript): string => (calls.length > 0 ? 'tool_calls' : 'stop');

export function chatCompletion(script: ModelScript): Buffer {
  const calls = script.calls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: argumentsOf(call) },
  }));
  const message = {
    role: 'assistant',
    content: textOf(script),
    refusal: null,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const body = {
    id: script.id,
    object: 'chat.completion',
    created: 1_764_000_000,
    model: script.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(script) }],
    usage: chatUsage(script.use),
  };
  return Buffer.from(JSON.stringify(body));
}

/** One frame each; with `includeUsage` as the API answers `stream_options.include_usage`. */
export function chatFrames(script: ModelScript, includeUsage: boolean): Buffer[] {
  const { id, model } = script;
  const common = { id, object: 'chat.completion.chunk', created: 1_764_000_000, model };
  const usage = includeUsage ? { usage: null } : {};
  const frames: Buffer[] = [];
  const push = (delta: object, finish: string | null = null): void => {
    frames.push(dataFrame({ ...common, choices: [{ index: 0, delta, finish_reason: finish }], ...usage }));
  };
  push({ role: 'assistant', content: '' });
  for (const content of script.texts) push({ content });
  script.calls.forEach((call, index) => {
    const start = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } };
    push({ tool_calls: [start] });
    for (const piece of call.pieces) push({ tool_calls: [{ index, function: { arguments: piece } }] });
  });
  push({}, finishOf(script));
  if (includeUsage) frames.push(dataFrame({ ...common, choices: [], usage: chatUsage(script.use) }));
  frames.push(Buffer.from('data: [DONE]\n\n'));
  return frames;
}

function dataFrame(chunk: object): Buffer {
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}
