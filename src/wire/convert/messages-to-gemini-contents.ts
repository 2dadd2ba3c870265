/**
 * The messages of a Messages request as Gemini's contents. Pure.
 *
 *   system, { role: "system" }        → systemInstruction, wherever in the history it stands: Gemini has no other place for it
 *   user, assistant                   → contents of role user, model; neighbours of one role become one
 *   text                              → { text }                                  empty ones are left out
 *   image, document                   → { inlineData } | { fileData } | { text }  documents of content: their blocks
 *   tool_use { id, name, input }      → { functionCall: { id, name, args } }, signed (see `gemini-signatures.ts`)
 *   tool_result                       → { functionResponse: { id, name, response: { output | error: text }, parts? } }
 *   thinking, redacted_thinking       → left out and named, but for Gemini's own signature
 *
 * A tool_result needs its tool_use before it: Gemini's response carries the function's name.
 */
import type { JsonObject } from './crossing.ts';
import { GeminiContentList, type GeminiContents } from './gemini-contents.ts';
import { isEarlyGemini, mediaTypeOfUrl, shown } from './gemini-fields.ts';
import { geminiSignature } from './gemini-signatures.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

export function geminiContentsOfMessages(body: JsonObject, model: string, losses: RequestLosses): GeminiContents {
  return new ContentsOfMessages(model, losses).turn(body);
}

class ContentsOfMessages {
  readonly #losses: RequestLosses;
  readonly #mediaBeside: boolean;
  readonly #list = new GeminiContentList();
  readonly #toolNames = new Map<string, string>();
  /** Gemini's signature in a thinking block, for the call behind it. */
  #signature: string | null = null;

  constructor(model: string, losses: RequestLosses) {
    this.#losses = losses;
    this.#mediaBeside = isEarlyGemini(model);
  }

  turn(body: JsonObject): GeminiContents {
    this.#system(body['system'], 'system');
    const messages = asArray(body['messages']);
    if (messages === null) this.#losses.refuse('messages', 'it is not a list');
    else for (let i = 0; i < messages.length; i++) this.#message(asObject(messages[i]), `messages.${i}`);
    return this.#list.result();
  }

  #system(content: unknown, path: string): void {
    if (content === undefined || content === null) return;
    this.#list.openSystem();
    this.#blocks(content, path);
  }

  #message(message: JsonObject | null, path: string): void {
    const role = message?.['role'];
    if (role === 'system') return this.#system(message?.['content'], `${path}.content`);
    if (role !== 'user' && role !== 'assistant') {
      return this.#losses.refuse(`${path}.role`, 'messages have the role user, assistant or system');
    }
    this.#list.open(role === 'assistant' ? 'model' : 'user');
    this.#signature = null;
    this.#blocks(message?.['content'], `${path}.content`);
  }

  #blocks(content: unknown, path: string): void {
    const text = asString(content);
    if (text !== null) return this.#list.text(text);
    const blocks = asArray(content);
    if (blocks === null) return this.#losses.refuse(path, 'it is neither text nor a list of blocks');
    for (let i = 0; i < blocks.length; i++) this.#block(asObject(blocks[i]) ?? {}, `${path}.${i}`);
  }

  #block(block: JsonObject, path: string): void {
    this.#losses.dropSet(block, ['cache_control'], 'messages.');
    switch (block['type']) {
      case 'text':
        return this.#list.text(asString(block['text']) ?? '');
      case 'thinking':
      case 'redacted_thinking':
        this.#signature = geminiSignature(block['signature']);
        if (this.#signature === null) this.#losses.drop(`messages.${block['type']}`);
        return;
      case 'tool_use':
        return this.#toolUse(block, path);
      case 'tool_result':
        return this.#toolResult(block, path);
      default:
        return this.#add(this.#media(block, path));
    }
  }

  #add(parts: readonly JsonObject[]): void {
    for (const part of parts) this.#list.add(part);
  }

  #toolUse(block: JsonObject, path: string): void {
    const id = asString(block['id']);
    const name = asString(block['name']);
    if (id === null || name === null) return this.#losses.refuse(path, 'a tool_use has an id and a name');
    this.#toolNames.set(id, name);
    const functionCall = { id, name, args: asObject(block['input']) ?? {} };
    this.#list.add(this.#signature === null ? { functionCall } : { functionCall, thoughtSignature: this.#signature });
    this.#signature = null;
  }

  #toolResult(block: JsonObject, path: string): void {
    const id = asString(block['tool_use_id']) ?? '';
    const name = this.#toolNames.get(id);
    if (name === undefined)
      return this.#losses.refuse(`${path}.tool_use_id`, 'no tool_use with this id comes before it');
    const texts: string[] = [];
    const media: JsonObject[] = [];
    this.#resultContent(block['content'], `${path}.content`, texts, media);
    const response = { [block['is_error'] === true ? 'error' : 'output']: texts.join('\n') };
    const inside = media.length > 0 && !this.#mediaBeside;
    this.#list.add({ functionResponse: { id, name, response, ...(inside && { parts: media }) } });
    if (!inside) this.#add(media);
  }

  #resultContent(content: unknown, path: string, texts: string[], media: JsonObject[]): void {
    const text = asString(content);
    if (text !== null) texts.push(text);
    const blocks = asArray(content) ?? [];
    for (let i = 0; i < blocks.length; i++) {
      const block = asObject(blocks[i]) ?? {};
      if (block['type'] === 'text') texts.push(asString(block['text']) ?? '');
      else {
        for (const part of this.#media(block, `${path}.${i}`)) {
          if (typeof part['text'] === 'string') texts.push(part['text']);
          else media.push(part);
        }
      }
    }
  }

  /** Images and documents. */
  #media(block: JsonObject, path: string): readonly JsonObject[] {
    const source = asObject(block['source']);
    if ((block['type'] !== 'image' && block['type'] !== 'document') || source === null) {
      this.#losses.refuse(path, `content of type ${shown(asString(block['type']) ?? '')} has no counterpart in Gemini`);
      return [];
    }
    if (asObject(block['citations'])?.['enabled'] === true) this.#losses.drop('messages.citations');
    this.#losses.dropSet(block, ['title', 'context'], 'messages.document.');
    const mimeType = asString(source['media_type']);
    const data = asString(source['data']);
    const url = asString(source['url']);
    if (source['type'] === 'base64' && mimeType !== null && data !== null) return [{ inlineData: { mimeType, data } }];
    if (source['type'] === 'text' && data !== null) return data === '' ? [] : [{ text: data }];
    if (source['type'] === 'url' && url !== null) return [fileData(url, block['type'])];
    if (source['type'] === 'content') return this.#documentContent(source['content'], `${path}.source.content`);
    this.#losses.refuse(`${path}.source`, 'files by id belong to another provider');
    return [];
  }

  /** A document may hold texts and images, but no further document. */
  #documentContent(content: unknown, path: string): readonly JsonObject[] {
    const text = asString(content);
    if (text !== null) return text === '' ? [] : [{ text }];
    const parts: JsonObject[] = [];
    const blocks = asArray(content) ?? [];
    for (let i = 0; i < blocks.length; i++) {
      const block = asObject(blocks[i]) ?? {};
      const said = asString(block['text']);
      if (block['type'] === 'text' && said !== null) parts.push({ text: said });
      else if (block['type'] === 'image') parts.push(...this.#media(block, `${path}.${i}`));
      else this.#losses.refuse(`${path}.${i}`, 'documents hold texts and images');
    }
    return parts;
  }
}

function fileData(url: string, type: unknown): JsonObject {
  const mimeType = mediaTypeOfUrl(url, type === 'image' ? 'image/jpeg' : 'application/pdf');
  return { fileData: { mimeType, fileUri: url } };
}
