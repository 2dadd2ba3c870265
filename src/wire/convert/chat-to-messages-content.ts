/**
 * The conversation of a Chat Completions request as a Messages conversation. Pure.
 *
 *   Chat                                      Messages
 *   leading system, developer messages        system: one text block each, or one a part
 *   later ones                                { role: system } in their place, which newer models take
 *   user: text, image_url, file parts         { role: user }: text, image, document blocks
 *   assistant: content, refusal               { role: assistant }: text
 *              tool_calls                     tool_use, the arguments parsed
 *              reasoning_content              left out: thinking needs a signature that only its upstream can give
 *   tool messages, and the user message       one { role: user }: tool_result blocks, then the rest
 *   right behind them
 *
 * Text without a printing character is left out, because Messages refuses it. Ids of calls are written with the characters that
 * Messages allows. Refused: audio, files by id, custom tools, functions in their old form.
 */
import { toDocument, toImage } from './chat-to-messages-media.ts';
import type { JsonObject } from './crossing.ts';
import { asArray, asObject, asString, parseObject } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const MESSAGE_FIELDS: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'tool_call_id',
  'audio',
  'function_call',
]);
const TEXT_FIELDS: ReadonlySet<string> = new Set(['type', 'text', 'refusal']);
const CALL_FIELDS: ReadonlySet<string> = new Set(['id', 'type', 'function', 'custom', 'index']);
const ID_OTHERS = /[^a-zA-Z0-9_-]/g;

export interface Conversation {
  readonly system: JsonObject[];
  readonly messages: JsonObject[];
}

export function toMessages(body: JsonObject, losses: RequestLosses): Conversation {
  const out: Conversation = { system: [], messages: [] };
  const messages = losses.list(body, 'messages') ?? [];
  for (let i = 0; i < messages.length; i++) {
    const message = asObject(messages[i]);
    if (message === null) losses.refuse(`messages.${i}`, 'a message has to be an object');
    else addMessage(out, message, `messages.${i}`, losses);
  }
  return out;
}

function addMessage(out: Conversation, message: JsonObject, path: string, losses: RequestLosses): void {
  losses.dropOthers(message, MESSAGE_FIELDS, 'messages.');
  switch (message['role']) {
    case 'system':
    case 'developer':
      return addSystem(out, message, path, losses);
    case 'user':
      return addUser(out, message, path, losses);
    case 'assistant':
      return addAssistant(out, message, path, losses);
    case 'tool':
      return addToolResult(out, message, path, losses);
    default:
      losses.refuse(`${path}.role`, 'the Messages protocol has no such role');
  }
}

function addSystem(out: Conversation, message: JsonObject, path: string, losses: RequestLosses): void {
  const blocks: JsonObject[] = [];
  for (const part of partsOf(message['content'], `${path}.content`, losses)) {
    if (part.value['type'] === 'text') pushText(blocks, part.value, part.path, losses);
    else losses.refuse(part.path, 'system prompts are text in the Messages protocol');
  }
  if (blocks.length === 0) return;
  if (out.messages.length === 0) out.system.push(...blocks);
  else out.messages.push({ role: 'system', content: blocks });
}

function addUser(out: Conversation, message: JsonObject, path: string, losses: RequestLosses): void {
  const blocks: JsonObject[] = [];
  for (const part of partsOf(message['content'], `${path}.content`, losses)) {
    switch (part.value['type']) {
      case 'text':
        pushText(blocks, part.value, part.path, losses);
        break;
      case 'image_url':
        blocks.push(toImage(part.value, part.path, losses));
        break;
      case 'file':
        blocks.push(toDocument(part.value, part.path, losses));
        break;
      default:
        losses.refuse(part.path, 'this part has no counterpart in the Messages protocol');
    }
  }
  if (blocks.length === 0) return;
  const results = openResults(out);
  if (results !== null) results.push(...blocks);
  else out.messages.push({ role: 'user', content: blocks });
}

function addAssistant(out: Conversation, message: JsonObject, path: string, losses: RequestLosses): void {
  if (isGiven(message['audio'])) losses.refuse(`${path}.audio`, 'audio has no counterpart in the Messages protocol');
  if (isGiven(message['function_call']))
    losses.refuse(`${path}.function_call`, 'function calls have to be tool_calls for the Messages protocol');
  const blocks: JsonObject[] = [];
  if (isGiven(message['content'])) {
    for (const part of partsOf(message['content'], `${path}.content`, losses)) {
      if (part.value['type'] === 'text') pushText(blocks, part.value, part.path, losses);
      else if (part.value['type'] === 'refusal') pushText(blocks, { text: part.value['refusal'] }, part.path, losses);
      else losses.refuse(part.path, 'this part has no counterpart in the Messages protocol');
    }
  }
  if (isGiven(message['refusal'])) pushText(blocks, { text: message['refusal'] }, `${path}.refusal`, losses);
  const calls = losses.list(message, 'tool_calls', `${path}.`) ?? [];
  for (let i = 0; i < calls.length; i++) blocks.push(toolUse(asObject(calls[i]), `${path}.tool_calls.${i}`, losses));
  if (blocks.length > 0) out.messages.push({ role: 'assistant', content: blocks });
}

function toolUse(call: JsonObject | null, path: string, losses: RequestLosses): JsonObject {
  const definition = asObject(call?.['function']);
  if (call === null || definition === null || (isGiven(call['type']) && call['type'] !== 'function')) {
    losses.refuse(path, 'only calls of functions have a counterpart in the Messages protocol');
    return {};
  }
  losses.dropOthers(call, CALL_FIELDS, 'messages.tool_calls.');
  const text = asString(definition['arguments']) ?? '';
  const input = text.trim() === '' ? {} : parseObject(text);
  if (input === null)
    losses.refuse(`${path}.function.arguments`, 'in the Messages protocol they have to be a JSON object');
  return { type: 'tool_use', id: toolId(call['id'], `${path}.id`, losses), name: definition['name'], input };
}

function addToolResult(out: Conversation, message: JsonObject, path: string, losses: RequestLosses): void {
  const blocks: JsonObject[] = [];
  for (const part of partsOf(message['content'] ?? '', `${path}.content`, losses)) {
    if (part.value['type'] === 'text') pushText(blocks, part.value, part.path, losses);
    else if (part.value['type'] === 'image_url') blocks.push(toImage(part.value, part.path, losses));
    else losses.refuse(part.path, 'this part has no counterpart in the Messages protocol');
  }
  const id = toolId(message['tool_call_id'], `${path}.tool_call_id`, losses);
  const result: JsonObject = { type: 'tool_result', tool_use_id: id };
  if (blocks.length > 0) result['content'] = blocks;
  const results = openResults(out);
  if (results?.every((block) => block['type'] === 'tool_result')) results.push(result);
  else out.messages.push({ role: 'user', content: [result] });
}

/** The blocks of the last message while it answers calls; null otherwise. */
function openResults(out: Conversation): JsonObject[] | null {
  const blocks = out.messages.at(-1)?.['content'] as JsonObject[] | undefined;
  return blocks?.at(-1)?.['type'] === 'tool_result' ? blocks : null;
}

function toolId(id: unknown, path: string, losses: RequestLosses): string {
  const text = asString(id);
  if (text === null || text === '') losses.refuse(path, 'a call has to have an id in the Messages protocol');
  return (text ?? '').replace(ID_OTHERS, '_');
}

interface Part {
  readonly value: JsonObject;
  readonly path: string;
}

/** Content as parts; a string is one part of text. */
function partsOf(content: unknown, path: string, losses: RequestLosses): Part[] {
  const text = asString(content);
  if (text !== null) return [{ value: { type: 'text', text }, path }];
  const parts = asArray(content);
  if (parts === null) losses.refuse(path, 'content has to be a string or an array of parts');
  const out: Part[] = [];
  for (let i = 0; i < (parts?.length ?? 0); i++) {
    const value = asObject(parts![i]);
    if (value === null) losses.refuse(`${path}.${i}`, 'a part has to be an object');
    else out.push({ value, path: `${path}.${i}` });
  }
  return out;
}

function pushText(blocks: JsonObject[], part: JsonObject, path: string, losses: RequestLosses): void {
  losses.dropOthers(part, TEXT_FIELDS, 'messages.content.');
  const text = asString(part['text']);
  if (text === null) losses.refuse(path, 'a part of text has to have a text');
  else if (text.trim() !== '') blocks.push({ type: 'text', text });
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
