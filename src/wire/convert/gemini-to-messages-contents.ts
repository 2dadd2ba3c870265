/**
 * The contents of a Gemini request as messages of the Messages protocol. Pure.
 *
 *   role user, function, none         → user                                  role model → assistant; neighbours of one role become one
 *   { text }                          → text                                  empty ones are left out
 *   { text, thought: true }           → thinking, where it carries Messages' own signature; left out and named otherwise
 *   { inlineData }                    → image (png, jpeg, gif, webp), document (PDF, text); audio and video are refused
 *   { fileData }                      → image or document by URL; files uploaded to Google are refused
 *   { functionCall }                  → tool_use, with the id of `gemini-calls.ts`
 *   { functionResponse }              → tool_result, before everything else of its message, as Messages wants it
 *   executableCode, codeExecutionResult, toolCall, toolResponse               refused
 */
import type { JsonObject } from './crossing.ts';
import { GeminiCalls, isToolName, responseText } from './gemini-calls.ts';
import { asFields, isGoogleFile, isWebUrl, shown } from './gemini-fields.ts';
import { isSigned, thinkingOfGemini } from './gemini-signatures.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const IMAGE = /^image\/(?:png|jpeg|gif|webp)$/;
const PDF = 'application/pdf';

export interface MessagesHistory {
  readonly messages: JsonObject[];
  /** Null: none. */
  readonly system: string | JsonObject[] | null;
}

interface Message {
  readonly role: string;
  readonly results: JsonObject[];
  readonly blocks: JsonObject[];
}

export function messagesOfGemini(body: JsonObject, losses: RequestLosses): MessagesHistory {
  return new MessagesOfGemini(losses).turn(body);
}

/** The texts of a systemInstruction, which is a content, or a text by itself. */
export function systemTexts(instruction: unknown, losses: RequestLosses): string[] {
  const texts: string[] = [asString(instruction) ?? ''];
  const parts = asArray(asFields(instruction)?.['parts']) ?? [];
  for (let i = 0; i < parts.length; i++) {
    const text = asString(asObject(parts[i])?.['text']);
    if (text === null) losses.refuse(`systemInstruction.parts.${i}`, 'system instructions are text');
    else texts.push(text);
  }
  return texts.filter((text) => text !== '');
}

function systemOf(texts: readonly string[]): string | JsonObject[] | null {
  if (texts.length <= 1) return texts[0] ?? null;
  return texts.map((text) => ({ type: 'text', text }));
}

class MessagesOfGemini {
  readonly #losses: RequestLosses;
  readonly #calls = new GeminiCalls();
  readonly #messages: Message[] = [];
  #message: Message = { role: '', results: [], blocks: [] };
  /** Text of thought parts whose signature has not come yet. */
  #thought = '';

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  turn(body: JsonObject): MessagesHistory {
    const contents = asArray(body['contents']);
    if (contents === null) this.#losses.refuse('contents', 'it is not a list');
    else for (let i = 0; i < contents.length; i++) this.#content(asFields(contents[i]) ?? {}, `contents.${i}`);
    const messages: JsonObject[] = [];
    for (const { role, results, blocks } of this.#messages) {
      if (results.length + blocks.length > 0) messages.push({ role, content: [...results, ...blocks] });
    }
    return { messages, system: systemOf(systemTexts(body['systemInstruction'], this.#losses)) };
  }

  #content(content: JsonObject, path: string): void {
    const isModel = content['role'] === 'model';
    this.#open(isModel ? 'assistant' : 'user');
    const parts = asArray(content['parts']);
    if (parts === null) this.#losses.refuse(`${path}.parts`, 'it is not a list');
    else {
      for (let i = 0; i < parts.length; i++) this.#part(asFields(parts[i]) ?? {}, isModel, `${path}.parts.${i}`);
    }
    this.#dropThought();
  }

  #open(role: string): void {
    if (this.#message.role === role) return;
    this.#message = { role, results: [], blocks: [] };
    this.#messages.push(this.#message);
  }

  #part(part: JsonObject, isModel: boolean, path: string): void {
    if (part['thought'] === true) return this.#thoughtPart(part);
    this.#dropThought();
    if (isModel && isSigned(part)) this.#losses.drop('contents.parts.thoughtSignature');
    this.#losses.dropSet(part, ['videoMetadata', 'mediaResolution'], 'contents.parts.');
    const text = asString(part['text']);
    const functionCall = asFields(part['functionCall']);
    const functionResponse = asFields(part['functionResponse']);
    const inlineData = asFields(part['inlineData']);
    const fileData = asFields(part['fileData']);
    if (text !== null) {
      if (text !== '') this.#text(text, isModel);
    } else if (functionCall !== null && isModel) this.#call(functionCall, `${path}.functionCall`);
    else if (functionResponse !== null && !isModel) this.#response(functionResponse, `${path}.functionResponse`);
    else if (inlineData !== null && !isModel) this.#push(this.#inline(inlineData, `${path}.inlineData`));
    else if (fileData !== null && !isModel) this.#push(this.#file(fileData, `${path}.fileData`));
    else this.#losses.refuse(path, `a part of ${shown(Object.keys(part).join(', '))} has no counterpart in Messages`);
  }

  /** What the model said comes back in the pieces it was streamed in. */
  #text(text: string, isModel: boolean): void {
    const last = this.#message.blocks.at(-1);
    if (isModel && last?.['type'] === 'text') last['text'] = (last['text'] as string) + text;
    else this.#message.blocks.push({ type: 'text', text });
  }

  /** Thinking comes back in the pieces it was streamed in; the last of them has the signature. */
  #thoughtPart(part: JsonObject): void {
    const block = thinkingOfGemini(part);
    if (block?.['type'] === 'redacted_thinking') {
      this.#dropThought();
      this.#message.blocks.push(block);
      return;
    }
    this.#thought += asString(part['text']) ?? '';
    if (block === null) {
      if (this.#thought === '') this.#losses.drop('contents.parts.thought');
      return;
    }
    this.#message.blocks.push({ ...block, thinking: this.#thought });
    this.#thought = '';
  }

  #dropThought(): void {
    if (this.#thought !== '') this.#losses.drop('contents.parts.thought');
    this.#thought = '';
  }

  #push(block: JsonObject | null): void {
    if (block !== null) this.#message.blocks.push(block);
  }

  #call(functionCall: JsonObject, path: string): void {
    const name = asString(functionCall['name']);
    if (!isToolName(name)) this.#losses.refuse(`${path}.name`, 'functions are named in letters, digits, _ and - there');
    const id = this.#calls.open(functionCall);
    this.#message.blocks.push({ type: 'tool_use', id, name, input: asObject(functionCall['args']) ?? {} });
  }

  #response(functionResponse: JsonObject, path: string): void {
    const id = this.#calls.close(functionResponse);
    if (id === null) return this.#losses.refuse(path, 'no call comes before it that it could answer');
    const { text, isError } = responseText(asObject(functionResponse['response']));
    const media: JsonObject[] = [];
    const parts = asArray(functionResponse['parts']) ?? [];
    for (let i = 0; i < parts.length; i++) {
      const part = asFields(parts[i]) ?? {};
      const inlineData = asFields(part['inlineData']) ?? {};
      const block = this.#inline(inlineData, `${path}.parts.${i}`);
      if (block !== null) media.push(block);
    }
    const content = media.length === 0 ? text : [...(text === '' ? [] : [{ type: 'text', text }]), ...media];
    this.#message.results.push({ type: 'tool_result', tool_use_id: id, content, ...(isError && { is_error: true }) });
  }

  #inline(inlineData: JsonObject, path: string): JsonObject | null {
    const mimeType = (asString(inlineData['mimeType']) ?? '').toLowerCase();
    const data = asString(inlineData['data']) ?? '';
    if (IMAGE.test(mimeType)) return { type: 'image', source: { type: 'base64', media_type: mimeType, data } };
    if (mimeType === PDF) return { type: 'document', source: { type: 'base64', media_type: PDF, data } };
    if (mimeType.startsWith('text/')) {
      const text = Buffer.from(data, 'base64').toString('utf8');
      return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text } };
    }
    this.#losses.refuse(path, `data of type ${shown(mimeType)} has no counterpart in Messages`);
    return null;
  }

  #file(fileData: JsonObject, path: string): JsonObject | null {
    const url = asString(fileData['fileUri']) ?? '';
    const mimeType = (asString(fileData['mimeType']) ?? '').toLowerCase();
    if (!isWebUrl(url) || isGoogleFile(url)) {
      this.#losses.refuse(`${path}.fileUri`, 'only files that anybody can fetch from the web can be read there');
      return null;
    }
    if (mimeType.startsWith('image/')) return { type: 'image', source: { type: 'url', url } };
    if (mimeType === PDF) return { type: 'document', source: { type: 'url', url } };
    this.#losses.refuse(path, `files of type ${shown(mimeType)} have no counterpart in Messages`);
    return null;
  }
}
