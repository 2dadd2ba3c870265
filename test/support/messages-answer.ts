/** Bytes of scripted answers in the shape of Messages, whole and streamed. Pure; the scripted upstream serves them. */
import { frame } from './anthropic-answer.ts';
import { argumentsOf, type ModelScript, type TokenUse, textOf } from './model-script.ts';

export function messagesUsage({ input, cached, output, reasoning }: TokenUse): Record<string, unknown> {
  return {
    input_tokens: input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { thinking_tokens: reasoning },
    service_tier: 'standard',
  };
}

const stopReasonOf = ({ calls }: ModelScript): string => (calls.length > 0 ? 'tool_use' : 'end_turn');

function message({ id, model }: ModelScript, content: object[], stopReason: string | null, usage: object): object {
  const fixed = { type: 'message', role: 'assistant', stop_sequence: null };
  return { id, ...fixed, model, content, stop_reason: stopReason, usage };
}

export function wholeMessage(script: ModelScript): Buffer {
  const calls = script.calls.map((call) => ({
    type: 'tool_use',
    id: call.id,
    name: call.name,
    input: JSON.parse(argumentsOf(call)),
  }));
  const content = [{ type: 'text', text: textOf(script) }, ...calls];
  return Buffer.from(JSON.stringify(message(script, content, stopReasonOf(script), messagesUsage(script.use))));
}

/** One frame each, in the order of the real API. */
export function messageFrames(script: ModelScript): Buffer[] {
  const usage = messagesUsage(script.use);
  const frames = [frame({ type: 'message_start', message: message(script, [], null, { ...usage, output_tokens: 1 }) })];
  let index = 0;
  const block = (opening: object, deltas: object[]): void => {
    frames.push(frame({ type: 'content_block_start', index, content_block: opening }));
    for (const delta of deltas) frames.push(frame({ type: 'content_block_delta', index, delta }));
    frames.push(frame({ type: 'content_block_stop', index }));
    index++;
  };
  const texts = script.texts.map((text) => ({ type: 'text_delta', text }));
  block({ type: 'text', text: '' }, texts);
  for (const { id, name, pieces } of script.calls) {
    const deltas = pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece }));
    block({ type: 'tool_use', id, name, input: {} }, deltas);
  }
  const delta = { stop_reason: stopReasonOf(script), stop_sequence: null };
  frames.push(frame({ type: 'message_delta', delta, usage }));
  frames.push(frame({ type: 'message_stop' }));
  return frames;
}
