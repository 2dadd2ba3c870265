/**
 * The contents of a Gemini request as messages of a Chat request. Pure.
 *
 *   systemInstruction                 → system, its parts as paragraphs
 *   role user, function, none         → tool messages for its responses, then one user message for the rest
 *   role model                        → assistant; content is the texts joined
 *   { text }                          → text                                     empty ones are left out
 *   { text, thought: true }           → left out and named: reasoning is not sent back in Chat
 *   { inlineData }                    → image_url (image), input_audio (wav, mp3), file (PDF), text (text); other media refused
 *   { fileData }                      → image_url of images on the web; all else refused
 *   { functionCall }                  → tool_calls[], with the id of `gemini-calls.ts`
 *   { functionResponse }              → tool message; images in it go into the user message behind
 *   executableCode, codeExecutionResult, toolCall, toolResponse               refused
 */
import type { JsonObject } from './crossing.ts';
import { dataUrl } from './data-url.ts';
import { GeminiCalls, isToolName, responseText } from './gemini-calls.ts';
import { asFields, isGoogleFile, isWebUrl, shown } from './gemini-fields.ts';
import { isSigned } from './gemini-signatures.ts';
import { systemTexts } from './gemini-to-messages-contents.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const AUDIO_FORMATS: ReadonlyMap<string, string> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/mp3', 'mp3'],
  ['audio/mpeg', 'mp3'],
]);
const PDF = 'application/pdf';

export function chatMessagesOfGemini(body: JsonObject, losses: RequestLosses): JsonObject[] {
  return new ChatMessagesOfGemini(losses).turn(body);
}

class ChatMessagesOfGemini {
  readonly #losses: RequestLosses;
  readonly #calls = new GeminiCalls();
  readonly #messages: JsonObject[] = [];

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  turn(body: JsonObject): JsonObject[] {
    const system = systemTexts(body['systemInstruction'], this.#losses).join('\n\n');
    if (system !== '') this.#messages.push({ role: 'system', content: system });
    const contents = asArray(body['contents']);
    if (contents === null) this.#losses.refuse('contents', 'it is not a list');
    else for (let i = 0; i < contents.length; i++) this.#content(asFields(contents[i]) ?? {}, `contents.${i}`);
    return this.#messages;
  }

  #content(content: JsonObject, path: string): void {
    const parts = asArray(content['parts']);
    if (parts === null) this.#losses.refuse(`${path}.parts`, 'it is not a list');
    else if (content['role'] === 'model') this.#assistant(parts, `${path}.parts`);
    else this.#user(parts, `${path}.parts`);
  }

  #assistant(parts: readonly unknown[], path: string): void {
    let text = '';
    const toolCalls: JsonObject[] = [];
    for (let i = 0; i < parts.length; i++) {
      const part = asFields(parts[i]) ?? {};
      const functionCall = asFields(part['functionCall']);
      const said = asString(part['text']);
      if (isSigned(part)) this.#losses.drop('contents.parts.thoughtSignature');
      if (part['thought'] === true) this.#losses.drop('contents.parts.thought');
      else if (functionCall !== null) toolCalls.push(this.#toolCall(functionCall, `${path}.${i}.functionCall`));
      else if (said !== null) text += said;
      else this.#refusePart(part, `${path}.${i}`);
    }
    if (text === '' && toolCalls.length === 0) return;
    const calls = toolCalls.length > 0 ? { tool_calls: toolCalls } : {};
    this.#messages.push({ role: 'assistant', content: text === '' ? null : text, ...calls });
  }

  #toolCall(functionCall: JsonObject, path: string): JsonObject {
    const name = asString(functionCall['name']);
    if (!isToolName(name)) this.#losses.refuse(`${path}.name`, 'functions are named in letters, digits, _ and - there');
    const args = JSON.stringify(asObject(functionCall['args']) ?? {});
    return { id: this.#calls.open(functionCall), type: 'function', function: { name, arguments: args } };
  }

  #user(parts: readonly unknown[], path: string): void {
    const content: JsonObject[] = [];
    for (let i = 0; i < parts.length; i++) this.#userPart(asFields(parts[i]) ?? {}, content, `${path}.${i}`);
    const only = content.length === 1 ? asString(content[0]!['text']) : null;
    if (content.length > 0) this.#messages.push({ role: 'user', content: only ?? content });
  }

  #userPart(part: JsonObject, content: JsonObject[], path: string): void {
    this.#losses.dropSet(part, ['videoMetadata', 'mediaResolution'], 'contents.parts.');
    const text = asString(part['text']);
    const functionResponse = asFields(part['functionResponse']);
    const inlineData = asFields(part['inlineData']);
    const fileData = asFields(part['fileData']);
    if (text !== null) {
      if (text !== '') content.push({ type: 'text', text });
    } else if (functionResponse !== null) this.#response(functionResponse, content, `${path}.functionResponse`);
    else if (inlineData !== null) this.#inline(inlineData, content, `${path}.inlineData`);
    else if (fileData !== null) this.#file(fileData, content, `${path}.fileData`);
    else this.#refusePart(part, path);
  }

  #refusePart(part: JsonObject, path: string): void {
    this.#losses.refuse(path, `a part of ${shown(Object.keys(part).join(', '))} has no counterpart in Chat`);
  }

  #response(functionResponse: JsonObject, content: JsonObject[], path: string): void {
    const id = this.#calls.close(functionResponse);
    if (id === null) return this.#losses.refuse(path, 'no call comes before it that it could answer');
    const { text } = responseText(asObject(functionResponse['response']));
    this.#messages.push({ role: 'tool', tool_call_id: id, content: text });
    const parts = asArray(functionResponse['parts']) ?? [];
    for (let i = 0; i < parts.length; i++) {
      const inlineData = asFields(asFields(parts[i])?.['inlineData']) ?? {};
      this.#inline(inlineData, content, `${path}.parts.${i}`);
    }
  }

  #inline(inlineData: JsonObject, content: JsonObject[], path: string): void {
    const mimeType = (asString(inlineData['mimeType']) ?? '').toLowerCase();
    const data = asString(inlineData['data']) ?? '';
    const format = AUDIO_FORMATS.get(mimeType);
    if (mimeType.startsWith('image/')) content.push({ type: 'image_url', image_url: { url: dataUrl(mimeType, data) } });
    else if (format !== undefined) content.push({ type: 'input_audio', input_audio: { data, format } });
    else if (mimeType === PDF) {
      content.push({ type: 'file', file: { filename: 'document.pdf', file_data: dataUrl(PDF, data) } });
    } else if (mimeType.startsWith('text/')) {
      content.push({ type: 'text', text: Buffer.from(data, 'base64').toString('utf8') });
    } else this.#losses.refuse(path, `data of type ${shown(mimeType)} has no counterpart in Chat`);
  }

  #file(fileData: JsonObject, content: JsonObject[], path: string): void {
    const url = asString(fileData['fileUri']) ?? '';
    const mimeType = (asString(fileData['mimeType']) ?? '').toLowerCase();
    if (!isWebUrl(url) || isGoogleFile(url)) {
      this.#losses.refuse(`${path}.fileUri`, 'only files that anybody can fetch from the web can be read there');
    } else if (mimeType.startsWith('image/')) content.push({ type: 'image_url', image_url: { url } });
    else this.#losses.refuse(path, `files of type ${shown(mimeType)} have no counterpart in Chat`);
  }
}
