/**
 * The input items of a Responses request as messages of Chat. Pure; one builder a request.
 *
 *   instructions                → first message, of role system
 *   message system | developer  → message of role system, which every upstream of Chat knows
 *   message user                → message with text, image_url and file parts
 *   message assistant, then its calls → one message with content, refusal and tool_calls
 *   function_call, custom_tool_call → tool_calls, under their travelling names (`tool-names.ts`)
 *   …_call_output               → message of role tool; Chat takes text there alone
 *   reasoning                   → reasoning_content where a Chat upstream wrote it; any other is dropped and named
 *   web_search_call             → dropped and named
 *   additional_tools            → read with the tools
 *   item_reference, compaction, ... → refused: they stand for what only their provider has
 */
import { CHAT_REASONING, summaryText } from './carried-thinking.ts';
import type { JsonObject } from './crossing.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';
import { type ToolRules, upstreamToolName } from './responses-tools.ts';

/** What Chat takes as a tool's name; it knows free-form tools by themselves. */
export const CHAT_TOOL_RULES: ToolRules = { marksFreeform: false, nameCharsMax: 64 };

export function chatMessages(body: JsonObject, losses: RequestLosses): readonly JsonObject[] {
  const builder = new MessagesBuilder(losses);
  const instructions = losses.text(body, 'instructions') ?? '';
  if (instructions !== '') builder.messages.push({ role: 'system', content: instructions });
  const input = body['input'];
  if (typeof input === 'string') builder.messages.push({ role: 'user', content: input });
  else if (!Array.isArray(input)) losses.refuse('input', 'input is neither text nor a list of items');
  for (const [i, item] of (asArray(input) ?? []).entries()) builder.item(asObject(item), `input.${i}`);
  return builder.messages;
}

class MessagesBuilder {
  readonly messages: JsonObject[] = [];
  readonly #losses: RequestLosses;
  /** The calls of the last message, when that is the assistant's and may have more. */
  #calls: JsonObject[] | null = null;
  #reasoning = '';

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  item(item: JsonObject | null, path: string): void {
    const type = asString(item?.['type']) ?? (item?.['role'] === undefined ? 'none' : 'message');
    if (item === null) return this.#losses.refuse(path, 'an item that is no object');
    switch (type) {
      case 'message':
        return this.#message(item, path);
      case 'function_call':
      case 'custom_tool_call':
        return this.#call(item, type === 'custom_tool_call', path);
      case 'function_call_output':
      case 'custom_tool_call_output':
        return this.#output(item, path);
      case 'reasoning':
        return this.#reason(item);
      case 'web_search_call':
        return this.#losses.drop('input.web_search_call');
      case 'additional_tools':
        return;
      default:
        this.#losses.refuse(path, `items of type ${type} stand for what only their own provider has`);
    }
  }

  #message(item: JsonObject, path: string): void {
    const role = asString(item['role']);
    if (role === 'assistant') return this.#assistant(item, path);
    this.#calls = null;
    const parts = this.#parts(item['content'], `${path}.content`);
    if (role === 'user') return this.#push('user', parts);
    if (role !== 'system' && role !== 'developer') return this.#losses.refuse(`${path}.role`, 'an unknown role');
    if (parts.some((part) => part['type'] !== 'text')) {
      return this.#losses.refuse(`${path}.content`, 'instructions in Chat are text alone');
    }
    this.#push('system', parts);
  }

  #push(role: string, parts: readonly JsonObject[]): void {
    if (parts.length > 0) this.messages.push({ role, content: parts });
  }

  #assistant(item: JsonObject, path: string): void {
    const texts: string[] = [];
    let refusal = '';
    for (const [i, part] of this.#parts(item['content'], `${path}.content`).entries()) {
      if (part['type'] === 'refusal') refusal += asString(part['refusal']) ?? '';
      else if (part['type'] === 'text') texts.push(asString(part['text']) ?? '');
      else this.#losses.refuse(`${path}.content.${i}`, 'what the assistant says in Chat is text alone');
    }
    const message = this.#newAssistant(texts.length > 0 ? texts.join('') : null);
    if (refusal !== '') message['refusal'] = refusal;
  }

  #newAssistant(content: string | null): JsonObject {
    const message: JsonObject = { role: 'assistant', content };
    if (this.#reasoning !== '') message['reasoning_content'] = this.#reasoning;
    this.#reasoning = '';
    this.#calls = [];
    this.messages.push(message);
    return message;
  }

  #call(item: JsonObject, freeform: boolean, path: string): void {
    const id = asString(item['call_id']);
    const name = asString(item['name']);
    if (id === null || name === null) return this.#losses.refuse(path, 'a call without a name or a call_id');
    const travelling = upstreamToolName({ name, namespace: asString(item['namespace']), freeform }, CHAT_TOOL_RULES);
    if (travelling === null) return this.#losses.refuse(`${path}.name`, 'this name cannot be carried there and back');
    if (this.#calls === null) this.#newAssistant(null);
    const calls = this.#calls!;
    if (calls.length === 0) this.messages.at(-1)!['tool_calls'] = calls;
    const input = asString(item[freeform ? 'input' : 'arguments']) ?? '';
    if (freeform) calls.push({ id, type: 'custom', custom: { name: travelling, input } });
    else calls.push({ id, type: 'function', function: { name: travelling, arguments: input } });
  }

  #output(item: JsonObject, path: string): void {
    this.#calls = null;
    const id = asString(item['call_id']);
    if (id === null) return this.#losses.refuse(path, 'an output without a call_id');
    const output = item['output'];
    const content = typeof output === 'string' ? output : this.#parts(output, `${path}.output`);
    if (typeof content !== 'string' && content.some((part) => part['type'] !== 'text')) {
      return this.#losses.refuse(`${path}.output`, 'results of tools in Chat are text alone');
    }
    this.messages.push({ role: 'tool', tool_call_id: id, content });
  }

  #reason(item: JsonObject): void {
    if (item['encrypted_content'] !== CHAT_REASONING) return this.#losses.drop('input.reasoning');
    this.#calls = null;
    this.#reasoning = summaryText(item);
  }

  #parts(content: unknown, path: string): JsonObject[] {
    if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
    const list = asArray(content);
    if (list === null) this.#losses.refuse(path, 'content is neither text nor a list of parts');
    const parts: JsonObject[] = [];
    for (const [i, value] of (list ?? []).entries()) {
      const part = this.#part(asObject(value) ?? {}, `${path}.${i}`);
      if (part !== null) parts.push(part);
    }
    return parts;
  }

  #part(part: JsonObject, path: string): JsonObject | null {
    const type = asString(part['type']) ?? 'none';
    switch (type) {
      case 'input_text':
      case 'output_text':
      case 'text':
        return { type: 'text', text: asString(part['text']) ?? '' };
      case 'refusal':
        return { type: 'refusal', refusal: asString(part['refusal']) ?? '' };
      case 'input_image':
        return this.#image(part, path);
      case 'input_file':
        return this.#file(part, path);
      default:
        this.#losses.refuse(path, `content of type ${type} has no counterpart in Chat`);
        return null;
    }
  }

  #image(part: JsonObject, path: string): JsonObject | null {
    const url = asString(part['image_url']);
    if (url === null) {
      this.#losses.refuse(path, 'images by file id have no counterpart in Chat');
      return null;
    }
    const detail = asString(part['detail']);
    return { type: 'image_url', image_url: detail === null || detail === 'auto' ? { url } : { url, detail } };
  }

  #file(part: JsonObject, path: string): JsonObject | null {
    const file: JsonObject = {};
    for (const field of ['file_id', 'filename', 'file_data']) {
      const value = asString(part[field]);
      if (value !== null) file[field] = value;
    }
    if (file['file_id'] !== undefined || file['file_data'] !== undefined) return { type: 'file', file };
    this.#losses.refuse(path, 'files by URL have no counterpart in Chat');
    return null;
  }
}
