/**
 * `system` and `messages` of a Messages request as instructions and input items of Responses. Pure.
 *
 *   system                     → instructions
 *   text                       → input_text of a user, output_text of the assistant
 *   image                      → input_image, base64 as data: URL
 *   document                   → input_file: PDF and plain text as data: URL, or a URL; a document made of blocks is told in its place
 *   tool_use                   → function_call
 *   tool_result                → function_call_output
 *   thinking                   → dropped and named: signed by and for its own provider
 *   server_tool_use web_search and its result → dropped and named
 *   a message of role system   → a message of role developer
 *
 * Files by id, citations of documents, search results and any other block are refused, and so is a last message of the assistant, which
 * Messages goes on with and Responses answers.
 */
import type { JsonObject } from './crossing.ts';
import { dataUrl } from './data-url.ts';
import { asArray, asObject, asString, writeJson } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const PDF_NAME = 'document.pdf';
const TEXT_NAME = 'document.txt';
/** Blocks of Messages' own tools whose results only its provider can read. */
const UNREADABLE = new Set(['server_tool_use', 'web_search_tool_result']);

/** '' when there are none. */
export function instructionsOf(body: JsonObject, losses: RequestLosses): string {
  const system = body['system'];
  if (system === undefined || system === null) return '';
  if (typeof system === 'string') return system;
  const texts: string[] = [];
  for (const [i, value] of (losses.list(body, 'system') ?? []).entries()) {
    const block = asObject(value);
    const text = asString(block?.['text']);
    if (block === null || text === null) losses.refuse(`system.${i}`, 'a system block that is no text');
    else texts.push(text);
    if (block?.['cache_control'] !== undefined) losses.drop('cache_control');
  }
  return texts.join('\n\n');
}

export function inputOf(body: JsonObject, losses: RequestLosses): JsonObject[] {
  const builder = new InputBuilder(losses);
  const messages = asArray(body['messages']);
  if (messages === null) losses.refuse('messages', 'it is not a list');
  else builder.messages(messages);
  return builder.input;
}

class InputBuilder {
  readonly input: JsonObject[] = [];
  readonly #losses: RequestLosses;

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  messages(messages: readonly unknown[]): void {
    for (let i = 0; i < messages.length; i++) this.#message(asObject(messages[i]), `messages.${i}`);
    if (asObject(messages.at(-1))?.['role'] === 'assistant') {
      this.#losses.refuse(`messages.${messages.length - 1}`, 'an answer that goes on with a given beginning');
    }
  }

  #message(message: JsonObject | null, path: string): void {
    const role = asString(message?.['role']);
    if (message === null || (role !== 'user' && role !== 'assistant' && role !== 'system')) {
      return this.#losses.refuse(`${path}.role`, 'an unknown role');
    }
    const content = message['content'];
    const itemRole = role === 'system' ? 'developer' : role;
    if (typeof content === 'string') return this.#add(itemRole, [textPart(itemRole, content)]);
    const blocks = asArray(content);
    if (blocks === null) return this.#losses.refuse(`${path}.content`, 'content is neither text nor a list of blocks');
    let parts: JsonObject[] = [];
    for (let i = 0; i < blocks.length; i++) {
      const block = asObject(blocks[i]);
      const at = `${path}.content.${i}`;
      if (block === null) {
        this.#losses.refuse(at, 'a block that is no object');
        continue;
      }
      const item = this.#item(block, at);
      if (item === undefined) this.#parts(block, itemRole, at, parts);
      if (item === undefined || item === null) continue;
      this.#add(itemRole, parts);
      parts = [];
      this.input.push(item);
    }
    this.#add(itemRole, parts);
  }

  #add(role: string, content: readonly JsonObject[]): void {
    if (content.length > 0) this.input.push({ type: 'message', role, content });
  }

  /** Undefined: the block is content of a message; null: it was left out or refused. */
  #item(block: JsonObject, path: string): JsonObject | null | undefined {
    const type = asString(block['type']) ?? 'none';
    if (block['cache_control'] !== undefined) this.#losses.drop('cache_control');
    switch (type) {
      case 'tool_use':
        return this.#call(block, path);
      case 'tool_result':
        return this.#output(block, path);
      case 'thinking':
      case 'redacted_thinking':
        this.#losses.drop('messages.thinking');
        return null;
      default:
        if (!UNREADABLE.has(type)) return undefined;
        this.#losses.drop(`messages.${type}`);
        return null;
    }
  }

  #call(block: JsonObject, path: string): JsonObject | null {
    const id = asString(block['id']);
    const name = asString(block['name']);
    const input = writeJson(asObject(block['input']) ?? {});
    if (id !== null && name !== null && input !== null) {
      return { type: 'function_call', call_id: id, name, arguments: input };
    }
    this.#losses.refuse(path, 'a call without an id or a name, or with an input that is nested too deeply');
    return null;
  }

  #output(block: JsonObject, path: string): JsonObject | null {
    const id = asString(block['tool_use_id']);
    if (id === null) {
      this.#losses.refuse(path, 'a result without a tool_use_id');
      return null;
    }
    // Responses has no mark for a result that is an error; its words say it.
    if (block['is_error'] === true) this.#losses.drop('messages.is_error');
    return { type: 'function_call_output', call_id: id, output: this.#resultOutput(block['content'], path) };
  }

  #resultOutput(content: unknown, path: string): string | JsonObject[] {
    if (content === undefined || content === null) return '';
    if (typeof content === 'string') return content;
    const parts: JsonObject[] = [];
    for (const [i, value] of (asArray(content) ?? []).entries()) {
      const block = asObject(value);
      if (block === null) this.#losses.refuse(`${path}.content.${i}`, 'a block that is no object');
      else this.#parts(block, 'user', `${path}.content.${i}`, parts);
    }
    return parts;
  }

  #parts(block: JsonObject, role: string, path: string, parts: JsonObject[]): void {
    const type = asString(block['type']) ?? 'none';
    const text = asString(block['text']);
    if (type === 'text' && text !== null) {
      if (asArray(block['citations'])?.length) this.#losses.drop('messages.citations');
      parts.push(textPart(role, text));
    } else if (type === 'image' && role === 'user') this.#image(block, path, parts);
    else if (type === 'document' && role === 'user') this.#document(block, path, parts);
    else this.#losses.refuse(path, `a block of type ${type} has no counterpart here in Responses`);
  }

  #image(block: JsonObject, path: string, parts: JsonObject[]): void {
    const source = asObject(block['source']);
    const url = source === null ? null : sourceUrl(source);
    if (url === null) this.#losses.refuse(`${path}.source`, 'images by file id belong to another provider');
    else parts.push({ type: 'input_image', image_url: url, detail: 'auto' });
  }

  #document(block: JsonObject, path: string, parts: JsonObject[]): void {
    const source = asObject(block['source']);
    if (asObject(block['citations'])?.['enabled'] === true) {
      return this.#losses.refuse(`${path}.citations`, 'citations of documents have no counterpart in Responses');
    }
    const context = asString(block['context']);
    if (context !== null) parts.push(textPart('user', context));
    if (source?.['type'] === 'content') return this.#contentDocument(source, path, parts);
    const file = source === null ? null : fileOf(source, asString(block['title']));
    if (file === null) this.#losses.refuse(`${path}.source`, 'documents by file id belong to another provider');
    else parts.push(file);
  }

  #contentDocument(source: JsonObject, path: string, parts: JsonObject[]): void {
    const content = source['content'];
    if (typeof content === 'string') return void parts.push(textPart('user', content));
    for (const [i, value] of (asArray(content) ?? []).entries()) {
      const block = asObject(value);
      const isPlain = block?.['type'] === 'text' || block?.['type'] === 'image';
      if (block === null || !isPlain)
        this.#losses.refuse(`${path}.source.content.${i}`, 'documents are made of text and images');
      else this.#parts(block, 'user', `${path}.source.content.${i}`, parts);
    }
  }
}

function textPart(role: string, text: string): JsonObject {
  return { type: role === 'assistant' ? 'output_text' : 'input_text', text };
}

function sourceUrl(source: JsonObject): string | null {
  if (source['type'] === 'url') return asString(source['url']);
  const data = asString(source['data']);
  if (source['type'] !== 'base64' || data === null) return null;
  return dataUrl(asString(source['media_type']) ?? 'application/octet-stream', data);
}

function fileOf(source: JsonObject, title: string | null): JsonObject | null {
  if (source['type'] === 'text') {
    const bytes = Buffer.from(asString(source['data']) ?? '', 'utf8');
    const data = dataUrl('text/plain', bytes.toString('base64'));
    return { type: 'input_file', filename: title ?? TEXT_NAME, file_data: data };
  }
  const url = sourceUrl(source);
  if (url === null) return null;
  if (source['type'] === 'base64') return { type: 'input_file', filename: title ?? PDF_NAME, file_data: url };
  const file: JsonObject = { type: 'input_file', file_url: url };
  if (title !== null) file['filename'] = title;
  return file;
}
