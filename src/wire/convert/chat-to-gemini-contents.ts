/**
 * The messages of a Chat request as Gemini's contents. Pure.
 *
 *   system, developer                 → systemInstruction, wherever in the history they stand: Gemini has no other place for them
 *   user, tool                        → contents of role user; neighbours become one, as Google wants a turn's responses together
 *   assistant                         → contents of role model
 *   text                              → { text }                                       empty ones are left out
 *   image_url                         → { inlineData } of a data: URL | { fileData }
 *   input_audio { data, format }      → { inlineData: { mimeType: "audio/" format } }
 *   file { file_data }                → { inlineData }                                 by file_id: refused
 *   tool_calls[] { id, function }     → { functionCall: { id, name, args } }, signed (see `gemini-signatures.ts`)
 *   tool { tool_call_id }             → { functionResponse: { id, name, response: { output: text } } }
 *   refusal                           → { text }
 *   reasoning_content, name           left out and named
 */
import type { JsonObject } from './crossing.ts';
import { parseDataUrl } from './data-url.ts';
import { callArguments } from './gemini-chunk.ts';
import { GeminiContentList, type GeminiContents } from './gemini-contents.ts';
import { mediaTypeOfUrl, shown } from './gemini-fields.ts';
import { signatureOfChat } from './gemini-signatures.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const PDF = 'application/pdf';

export function geminiContentsOfChat(body: JsonObject, losses: RequestLosses): GeminiContents {
  return new ContentsOfChat(losses).turn(body);
}

class ContentsOfChat {
  readonly #losses: RequestLosses;
  readonly #list = new GeminiContentList();
  readonly #toolNames = new Map<string, string>();

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  turn(body: JsonObject): GeminiContents {
    const messages = asArray(body['messages']);
    if (messages === null) this.#losses.refuse('messages', 'it is not a list');
    else for (let i = 0; i < messages.length; i++) this.#message(asObject(messages[i]) ?? {}, `messages.${i}`);
    return this.#list.result();
  }

  #message(message: JsonObject, path: string): void {
    this.#losses.dropSet(message, ['name', 'reasoning_content', 'reasoning', 'annotations'], 'messages.');
    switch (message['role']) {
      case 'system':
      case 'developer':
        this.#list.openSystem();
        return this.#content(message['content'], `${path}.content`);
      case 'user':
        this.#list.open('user');
        this.#content(message['content'], `${path}.content`);
        break;
      case 'assistant':
        this.#list.open('model');
        this.#assistant(message, path);
        break;
      case 'tool':
        this.#list.open('user');
        this.#toolMessage(message, path);
        break;
      default:
        return this.#losses.refuse(`${path}.role`, 'messages have the role system, developer, user, assistant or tool');
    }
  }

  #assistant(message: JsonObject, path: string): void {
    this.#losses.refuseSet(message, 'function_call', 'functions are called through tool_calls');
    if (asObject(message['audio']) !== null)
      this.#losses.refuse(`${path}.audio`, 'audio answers belong to another provider');
    if (message['content'] !== null && message['content'] !== undefined) {
      this.#content(message['content'], `${path}.content`);
    }
    this.#list.text(asString(message['refusal']) ?? '');
    const calls = asArray(message['tool_calls']) ?? [];
    for (let i = 0; i < calls.length; i++) this.#toolCall(asObject(calls[i]) ?? {}, `${path}.tool_calls.${i}`);
  }

  #toolCall(call: JsonObject, path: string): void {
    const id = asString(call['id']);
    const called = asObject(call['function']);
    const name = asString(called?.['name']);
    if (id === null || name === null)
      return this.#losses.refuse(path, 'only calls of functions have a counterpart in Gemini');
    const args = callArguments(asString(called?.['arguments']) ?? '');
    if (args === null) return this.#losses.refuse(`${path}.function.arguments`, 'they are not a JSON object');
    this.#toolNames.set(id, name);
    const signature = signatureOfChat(call);
    const functionCall = { id, name, args };
    this.#list.add(signature === null ? { functionCall } : { functionCall, thoughtSignature: signature });
  }

  #toolMessage(message: JsonObject, path: string): void {
    const id = asString(message['tool_call_id']) ?? '';
    const name = this.#toolNames.get(id);
    if (name === undefined) return this.#losses.refuse(`${path}.tool_call_id`, 'no call with this id comes before it');
    const texts: string[] = [];
    const text = asString(message['content']);
    if (text !== null) texts.push(text);
    for (const part of asArray(message['content']) ?? []) texts.push(asString(asObject(part)?.['text']) ?? '');
    this.#list.add({ functionResponse: { id, name, response: { output: texts.join('') } } });
  }

  #content(content: unknown, path: string): void {
    const text = asString(content);
    if (text !== null) return this.#list.text(text);
    const parts = asArray(content);
    if (parts === null) return this.#losses.refuse(path, 'it is neither text nor a list of parts');
    for (let i = 0; i < parts.length; i++) this.#part(asObject(parts[i]) ?? {}, `${path}.${i}`);
  }

  #part(part: JsonObject, path: string): void {
    switch (part['type']) {
      case 'text':
        return this.#list.text(asString(part['text']) ?? '');
      case 'refusal':
        return this.#list.text(asString(part['refusal']) ?? '');
      case 'image_url':
        return this.#image(part, path);
      case 'input_audio':
        return this.#audio(asObject(part['input_audio']) ?? {}, path);
      case 'file':
        return this.#file(asObject(part['file']) ?? {}, path);
      default:
        this.#losses.refuse(
          path,
          `content of type ${shown(asString(part['type']) ?? '')} has no counterpart in Gemini`,
        );
    }
  }

  #image(part: JsonObject, path: string): void {
    const image = asObject(part['image_url']);
    const url = asString(image?.['url']) ?? asString(part['image_url']);
    if (url === null) return this.#losses.refuse(`${path}.image_url`, 'an image has a URL');
    const detail = asString(image?.['detail']);
    if (detail !== null && detail !== 'auto') this.#losses.drop('messages.image_url.detail');
    const data = parseDataUrl(url);
    if (data === null) this.#list.add({ fileData: { mimeType: mediaTypeOfUrl(url, 'image/jpeg'), fileUri: url } });
    else this.#list.add({ inlineData: { mimeType: data.mediaType, data: data.base64 } });
  }

  #audio(audio: JsonObject, path: string): void {
    const data = asString(audio['data']);
    const format = asString(audio['format']);
    if (data === null || (format !== 'wav' && format !== 'mp3')) {
      return this.#losses.refuse(`${path}.input_audio`, 'audio is data of format wav or mp3');
    }
    this.#list.add({ inlineData: { mimeType: `audio/${format}`, data } });
  }

  #file(file: JsonObject, path: string): void {
    const given = asString(file['file_data']);
    if (given === null) return this.#losses.refuse(`${path}.file`, 'files by id belong to another provider');
    this.#losses.dropSet(file, ['filename'], 'messages.file.');
    const data = parseDataUrl(given) ?? { mediaType: PDF, base64: given };
    this.#list.add({ inlineData: { mimeType: data.mediaType, data: data.base64 } });
  }
}
