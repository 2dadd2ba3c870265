/** Bytes of scripted answers in the shape of Responses, whole and streamed. Pure; the scripted upstream serves them. */
import { argumentsOf, type ModelScript, type TokenUse, type ToolCall, textOf } from './model-script.ts';

export function responsesUsage({ input, cached, output, reasoning }: TokenUse): object {
  return {
    input_tokens: input + cached,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + cached + output,
  };
}

function textItem(script: ModelScript, status: string, text: string | null): object {
  const content = text === null ? [] : [{ type: 'output_text', text, annotations: [] }];
  return { id: `msg_${script.id}`, type: 'message', role: 'assistant', status, content };
}

function callItem(call: ToolCall, status: string, args: string): object {
  return { id: `fc_${call.id}`, type: 'function_call', call_id: call.id, name: call.name, arguments: args, status };
}

function responseObject(script: ModelScript, status: 'in_progress' | 'completed', output: object[]): object {
  return {
    id: script.id,
    object: 'response',
    created_at: 1_764_000_000,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    model: script.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    service_tier: 'default',
    store: true,
    tool_choice: 'auto',
    tools: [],
    usage: status === 'completed' ? responsesUsage(script.use) : null,
    metadata: {},
  };
}

function wholeItems(script: ModelScript): object[] {
  const calls = script.calls.map((call) => callItem(call, 'completed', argumentsOf(call)));
  return [textItem(script, 'completed', textOf(script)), ...calls];
}

export function wholeResponse(script: ModelScript): Buffer {
  return Buffer.from(JSON.stringify(responseObject(script, 'completed', wholeItems(script))));
}

/** One frame each, in the order of the real API. */
export function responseFrames(script: ModelScript): Buffer[] {
  return eventsOf(script).map((event) => Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
}

/** The same events as they come over a WebSocket. */
export function responseMessages(script: ModelScript): string[] {
  return eventsOf(script).map((event) => JSON.stringify(event));
}

function eventsOf(script: ModelScript): { type: string }[] {
  const events: { type: string }[] = [];
  const push = (type: string, fields: object): void => {
    const event = { type, sequence_number: events.length, ...fields };
    events.push(event);
  };
  push('response.created', { response: responseObject(script, 'in_progress', []) });
  push('response.in_progress', { response: responseObject(script, 'in_progress', []) });
  pushText(script, push);
  script.calls.forEach((call, i) => {
    const place = { item_id: `fc_${call.id}`, output_index: i + 1 };
    push('response.output_item.added', { output_index: i + 1, item: callItem(call, 'in_progress', '') });
    for (const delta of call.pieces) push('response.function_call_arguments.delta', { ...place, delta });
    push('response.function_call_arguments.done', { ...place, name: call.name, arguments: argumentsOf(call) });
    push('response.output_item.done', { output_index: i + 1, item: callItem(call, 'completed', argumentsOf(call)) });
  });
  push('response.completed', { response: responseObject(script, 'completed', wholeItems(script)) });
  return events;
}

function pushText(script: ModelScript, push: (type: string, fields: object) => void): void {
  const place = { item_id: `msg_${script.id}`, output_index: 0, content_index: 0 };
  const text = textOf(script);
  push('response.output_item.added', { output_index: 0, item: textItem(script, 'in_progress', null) });
  push('response.content_part.added', { ...place, part: { type: 'output_text', text: '', annotations: [] } });
  for (const delta of script.texts) push('response.output_text.delta', { ...place, delta, logprobs: [] });
  push('response.output_text.done', { ...place, text, logprobs: [] });
  push('response.content_part.done', { ...place, part: { type: 'output_text', text, annotations: [] } });
  push('response.output_item.done', { output_index: 0, item: textItem(script, 'completed', text) });
}
