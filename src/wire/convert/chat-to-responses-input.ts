/**
 * The messages of a Chat request as input items of Responses. Pure.
 *
 *   system, developer, user     → message of the same role
 *   assistant                   → message with output_text and refusal parts, then a call for each of its tool_calls
 *   tool                        → function_call_output, or custom_tool_call_output for a call of a free-form tool
 *   text, image_url, file       → input_text, input_image, input_file
 *   reasoning_content           → dropped and named: Responses takes reasoning back only as it encrypted it itself
 *
 * Refused: audio, and the functions of before tools (role function, function_call).
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

export function chatInput(body: JsonObject, losses: RequestLosses): JsonObject[] {
  const builder = new InputBuilder(losses);
  const messages = asArray(body['messages']);
  if (messages === null) losses.refuse('messages', 'it is not a list');
  for (const [i, value] of (messages ?? []).entries()) builder.message(asObject(value), `messages.${i}`);
  return builder.input;
}

class InputBuilder {
  readonly input: JsonObject[] = [];
  readonly #losses: RequestLosses;
  readonly #freeformCalls = new Set<string>();

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  message(message: JsonObject | null, path: string): void {
    const role = asString(message?.['role']);
    if (message === null) return this.#losses.refuse(path, 'a message that is no object');
    this.#losses.dropSet(message, ['name'], 'messages.');
    if (role === 'assistant') return this.#assistant(message, path);
    if (role === 'tool') return this.#toolOutput(message, path);
    if (role === 'user' || role === 'system' || role === 'developer') {
      return this.#add(role, this.#parts(message['content'], `${path}.content`, 'input_text'));
    }
    this.#losses.refuse(`${path}.role`, `the role ${role ?? 'none'} has no counterpart in Responses`);
  }

  #add(role: string, content: readonly JsonObject[]): void {
    if (content.length > 0) this.input.push({ type: 'message', role, content });
  }

  #assistant(message: JsonObject, path: string): void {
    this.#losses.dropSet(message, ['reasoning_content', 'reasoning', 'annotations'], 'messages.');
    for (const field of ['audio', 'function_call']) {
      if (asObject(message[field]) !== null)
        this.#losses.refuse(`${path}.${field}`, `${field} has no counterpart in Responses`);
    }
    const content = message['content'];
    const parts =
      content === undefined || content === null ? [] : this.#parts(content, `${path}.content`, 'output_text');
    const refusal = asString(message['refusal']) ?? '';
    if (refusal !== '') parts.push({ type: 'refusal', refusal });
    this.#add('assistant', parts);
    for (const [i, value] of (asArray(message['tool_calls']) ?? []).entries()) {
      this.#call(asObject(value), `${path}.tool_calls.${i}`);
    }
  }

  #call(call: JsonObject | null, path: string): void {
    const callId = asString(call?.['id']);
    const isFreeform = call?.['type'] === 'custom';
    const called = asObject(call?.[isFreeform ? 'custom' : 'function']);
    const name = asString(called?.['name']);
    if (callId === null || called === null || name === null) {
      return this.#losses.refuse(path, 'a call without an id or a name');
    }
    if (isFreeform) {
      this.#freeformCalls.add(callId);
      this.input.push({ type: 'custom_tool_call', call_id: callId, name, input: asString(called['input']) ?? '' });
    } else {
      this.input.push({ type: 'function_call', call_id: callId, name, arguments: asString(called['arguments']) ?? '' });
    }
  }

  #toolOutput(message: JsonObject, path: string): void {
    const callId = asString(message['tool_call_id']);
    if (callId === null) return this.#losses.refuse(path, 'a result without a tool_call_id');
    const content = message['content'];
    const output = typeof content === 'string' ? content : this.#parts(content, `${path}.content`, 'input_text');
    const type = this.#freeformCalls.has(callId) ? 'custom_tool_call_output' : 'function_call_output';
    this.input.push({ type, call_id: callId, output });
  }

  #parts(content: unknown, path: string, textType: string): JsonObject[] {
    if (typeof content === 'string') return content === '' ? [] : [{ type: textType, text: content }];
    const list = asArray(content);
    if (list === null) this.#losses.refuse(path, 'content is neither text nor a list of parts');
    const parts: JsonObject[] = [];
    for (const [i, value] of (list ?? []).entries()) {
      const part = this.#part(asObject(value), `${path}.${i}`, textType);
      if (part !== null) parts.push(part);
    }
    return parts;
  }

  #part(part: JsonObject | null, path: string, textType: string): JsonObject | null {
    const type = asString(part?.['type']) ?? 'none';
    if (part !== null && type === 'text') return { type: textType, text: asString(part['text']) ?? '' };
    if (part !== null && type === 'refusal') return { type: 'refusal', refusal: asString(part['refusal']) ?? '' };
    const image = asObject(part?.['image_url']);
    const url = asString(image?.['url']) ?? asString(part?.['image_url']);
    if (type === 'image_url' && url !== null) {
      return { type: 'input_image', image_url: url, detail: asString(image?.['detail']) ?? 'auto' };
    }
    const file = asObject(part?.['file']);
    if (type === 'file' && file !== null) return inputFile(file);
    this.#losses.refuse(path, `content of type ${type} has no counterpart in Responses`);
    return null;
  }
}

function inputFile(file: JsonObject): JsonObject {
  const made: JsonObject = { type: 'input_file' };
  for (const field of ['file_id', 'filename', 'file_data']) {
    const value = asString(file[field]);
    if (value !== null) made[field] = value;
  }
  return made;
}
