/**
 * The conversation of a Messages request as Chat messages. Pure.
 *
 *   Messages                                   Chat
 *   system: string | text blocks               { role: "system" }, first
 *   { role: system }                           { role: "system" }, in its place
 *   { role: user }: tool_result blocks         { role: "tool", tool_call_id } each, directly behind the calls they answer
 *                   their images, documents    user message behind them, each under a line that names its call: tools answer text
 *                   text, image, document      { role: "user" }: text, image_url, file parts
 *   { role: assistant }: text                  content
 *                        tool_use              tool_calls, the input as JSON text
 *                        thinking              reasoning_content if it was made of it (see REASONING_SIGNATURE), else left out:
 *                                              a signature means nothing elsewhere
 *
 * Blocks of tools that run at the upstream, and files that lie there, are refused. `is_error` has no counterpart; the text of the
 * result says what went wrong, and where there is none we say that it failed.
 */
import type { JsonObject } from './crossing.ts';
import { dataUrl } from './data-url.ts';
import { asArray, asObject, asString, writeJson } from './json.ts';
import { REASONING_SIGNATURE } from './messages-chat-terms.ts';
import type { RequestLosses } from './request-losses.ts';

/** Text for Anthropic's accounting in front of the system prompt; it differs from call to call and would spoil every prompt cache. */
const BILLING_TEXT = 'x-anthropic-billing-header:';
const FAILED_TEXT = 'The tool failed.';

const MESSAGE_FIELDS: ReadonlySet<string> = new Set(['role', 'content', 'output_config']);
const TEXT_FIELDS: ReadonlySet<string> = new Set(['type', 'text', 'citations']);
const IMAGE_FIELDS: ReadonlySet<string> = new Set(['type', 'source']);
const DOCUMENT_FIELDS: ReadonlySet<string> = new Set(['type', 'source', 'title', 'context', 'citations']);
const SEARCH_FIELDS: ReadonlySet<string> = new Set(['type', 'source', 'title', 'content', 'citations']);
const TOOL_USE_FIELDS: ReadonlySet<string> = new Set(['type', 'id', 'name', 'input']);
const TOOL_RESULT_FIELDS: ReadonlySet<string> = new Set(['type', 'tool_use_id', 'content', 'is_error']);

/** Chat's messages for `system` and `messages` of a Messages body. */
export function toChatMessages(body: JsonObject, losses: RequestLosses): JsonObject[] {
  const out: JsonObject[] = [];
  addSystem(out, body['system'], 'system', losses);
  const messages = losses.list(body, 'messages') ?? [];
  for (let i = 0; i < messages.length; i++) {
    const message = asObject(messages[i]);
    const path = `messages.${i}`;
    if (message === null) losses.refuse(path, 'a message has to be an object');
    else addMessage(out, message, path, losses);
  }
  return out;
}

function addMessage(out: JsonObject[], message: JsonObject, path: string, losses: RequestLosses): void {
  losses.dropOthers(message, MESSAGE_FIELDS, 'messages.');
  switch (message['role']) {
    case 'user':
      return addUser(out, blocksOf(message['content'], `${path}.content`, losses), `${path}.content`, losses);
    case 'assistant':
      return addAssistant(out, blocksOf(message['content'], `${path}.content`, losses), `${path}.content`, losses);
    case 'system':
      return addSystem(out, message['content'], `${path}.content`, losses);
    default:
      losses.refuse(`${path}.role`, 'the Chat Completions protocol has no such role');
  }
}

/** Content as blocks; a string is one text block. */
function blocksOf(content: unknown, path: string, losses: RequestLosses): readonly JsonObject[] {
  const text = asString(content);
  if (text !== null) return [{ type: 'text', text }];
  const blocks = asArray(content);
  if (blocks === null) losses.refuse(path, 'content has to be a string or an array of blocks');
  const objects: JsonObject[] = [];
  for (let i = 0; i < (blocks?.length ?? 0); i++) {
    const block = asObject(blocks![i]);
    if (block === null) losses.refuse(`${path}.${i}`, 'a block has to be an object');
    else objects.push(block);
  }
  return objects;
}

function addSystem(out: JsonObject[], content: unknown, path: string, losses: RequestLosses): void {
  if (content === undefined || content === null) return;
  const parts: JsonObject[] = [];
  const blocks = blocksOf(content, path, losses);
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i]!;
    if (block['type'] !== 'text') {
      losses.refuse(`${path}.${i}`, 'system prompts are text in the Chat Completions protocol');
    } else if (path === 'system' && i === 0 && asString(block['text'])?.startsWith(BILLING_TEXT)) {
      losses.drop('system.x-anthropic-billing-header');
    } else parts.push(textPart(block, `${path}.${i}`, losses));
  }
  if (parts.length > 0) out.push({ role: 'system', content: contentOf(parts) });
}

/** One text part is written as a string, which every upstream takes. */
function contentOf(parts: readonly JsonObject[]): unknown {
  return parts.length === 1 && parts[0]!['type'] === 'text' ? parts[0]!['text'] : parts;
}

function textPart(block: JsonObject, path: string, losses: RequestLosses): JsonObject {
  losses.dropOthers(block, TEXT_FIELDS, path.startsWith('system') ? 'system.' : 'messages.content.');
  if ((asArray(block['citations'])?.length ?? 0) > 0) losses.drop('messages.content.citations');
  const text = asString(block['text']);
  if (text === null) losses.refuse(`${path}.text`, 'a text block has to have a text');
  return { type: 'text', text: text ?? '' };
}

function addUser(out: JsonObject[], blocks: readonly JsonObject[], path: string, losses: RequestLosses): void {
  const parts: JsonObject[] = [];
  const attached: JsonObject[] = [];
  for (let i = 0; i < blocks.length; i++) {
    if (blocks[i]!['type'] === 'tool_result') addToolResult(out, attached, blocks[i]!, `${path}.${i}`, losses);
    else addUserParts(parts, blocks[i]!, `${path}.${i}`, losses);
  }
  const content = [...attached, ...parts];
  if (content.length > 0) out.push({ role: 'user', content: contentOf(content) });
}

function addToolResult(
  out: JsonObject[],
  attached: JsonObject[],
  block: JsonObject,
  path: string,
  losses: RequestLosses,
) {
  losses.dropOthers(block, TOOL_RESULT_FIELDS, 'messages.content.');
  const id = asString(block['tool_use_id']);
  if (id === null) losses.refuse(`${path}.tool_use_id`, 'a tool result has to name its call');
  const parts: JsonObject[] = [];
  const content = block['content'] ?? '';
  const inner = blocksOf(content, `${path}.content`, losses);
  for (let i = 0; i < inner.length; i++) addUserParts(parts, inner[i]!, `${path}.content.${i}`, losses);
  const texts = parts.filter((part) => part['type'] === 'text');
  const others = parts.filter((part) => part['type'] !== 'text');
  if (others.length > 0) attached.push({ type: 'text', text: `Belongs to the result of tool call ${id}:` }, ...others);
  if (block['is_error'] === true) {
    losses.drop('messages.content.is_error');
    if (texts.every((part) => part['text'] === '')) texts.splice(0, texts.length, { type: 'text', text: FAILED_TEXT });
  }
  out.push({ role: 'tool', tool_call_id: id, content: texts.length === 0 ? '' : contentOf(texts) });
}

function addUserParts(parts: JsonObject[], block: JsonObject, path: string, losses: RequestLosses): void {
  switch (block['type']) {
    case 'text':
      parts.push(textPart(block, path, losses));
      return;
    case 'image':
      losses.dropOthers(block, IMAGE_FIELDS, 'messages.content.');
      parts.push({ type: 'image_url', image_url: { url: imageUrl(asObject(block['source']), path, losses) } });
      return;
    case 'document':
      return addDocument(parts, block, path, losses);
    case 'search_result':
      return addSearchResult(parts, block, path, losses);
    default:
      losses.refuse(path, 'this block has no counterpart in the Chat Completions protocol');
  }
}

function imageUrl(source: JsonObject | null, path: string, losses: RequestLosses): string {
  const data = asString(source?.['data']);
  const mediaType = asString(source?.['media_type']);
  const url = asString(source?.['url']);
  if (source?.['type'] === 'base64' && data !== null && mediaType !== null) return dataUrl(mediaType, data);
  if (source?.['type'] === 'url' && url !== null) return url;
  losses.refuse(`${path}.source`, 'only images as base64 or by URL can be handed on in the Chat Completions protocol');
  return '';
}

function addDocument(parts: JsonObject[], block: JsonObject, path: string, losses: RequestLosses): void {
  losses.dropOthers(block, DOCUMENT_FIELDS, 'messages.content.');
  refuseCitations(block, path, losses);
  const source = asObject(block['source']);
  const title = asString(block['title']);
  const context = asString(block['context']);
  const data = asString(source?.['data']);
  if (context !== null) parts.push({ type: 'text', text: context });
  if (source?.['type'] === 'base64' && source['media_type'] === 'application/pdf' && data !== null) {
    const file = { filename: title ?? 'document.pdf', file_data: dataUrl('application/pdf', data) };
    parts.push({ type: 'file', file });
  } else if (source?.['type'] === 'text' && data !== null) {
    parts.push({ type: 'text', text: title === null ? data : `${title}\n\n${data}` });
  } else if (source?.['type'] === 'content') {
    if (title !== null) parts.push({ type: 'text', text: title });
    const inner = blocksOf(source['content'], `${path}.source.content`, losses);
    for (let i = 0; i < inner.length; i++) addUserParts(parts, inner[i]!, `${path}.source.content.${i}`, losses);
  } else {
    losses.refuse(`${path}.source`, 'only PDF as base64 and text can be handed on in the Chat Completions protocol');
  }
}

function addSearchResult(parts: JsonObject[], block: JsonObject, path: string, losses: RequestLosses): void {
  losses.dropOthers(block, SEARCH_FIELDS, 'messages.content.');
  refuseCitations(block, path, losses);
  parts.push({ type: 'text', text: `${asString(block['title']) ?? ''}\n${asString(block['source']) ?? ''}` });
  const inner = blocksOf(block['content'], `${path}.content`, losses);
  for (let i = 0; i < inner.length; i++) addUserParts(parts, inner[i]!, `${path}.content.${i}`, losses);
}

function refuseCitations(block: JsonObject, path: string, losses: RequestLosses): void {
  if (asObject(block['citations'])?.['enabled'] === true)
    losses.refuse(`${path}.citations`, 'citations have no counterpart in the Chat Completions protocol');
}

function addAssistant(out: JsonObject[], blocks: readonly JsonObject[], path: string, losses: RequestLosses): void {
  const texts: JsonObject[] = [];
  const calls: JsonObject[] = [];
  let reasoning = '';
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i]!;
    switch (block['type']) {
      case 'text':
        texts.push(textPart(block, `${path}.${i}`, losses));
        break;
      case 'tool_use':
        calls.push(toolCall(block, `${path}.${i}`, losses));
        break;
      case 'thinking':
        if (block['signature'] === REASONING_SIGNATURE) reasoning += asString(block['thinking']) ?? '';
        else losses.drop('messages.content.thinking');
        break;
      case 'redacted_thinking':
        losses.drop('messages.content.redacted_thinking');
        break;
      default:
        losses.refuse(`${path}.${i}`, 'this block has no counterpart in the Chat Completions protocol');
    }
  }
  if (texts.length === 0 && calls.length === 0 && reasoning === '') return;
  const content = texts.length === 0 ? (calls.length > 0 ? null : '') : contentOf(texts);
  const message: JsonObject = { role: 'assistant', content };
  if (reasoning !== '') message['reasoning_content'] = reasoning;
  if (calls.length > 0) message['tool_calls'] = calls;
  out.push(message);
}

function toolCall(block: JsonObject, path: string, losses: RequestLosses): JsonObject {
  losses.dropOthers(block, TOOL_USE_FIELDS, 'messages.content.');
  const text = writeJson(asObject(block['input']) ?? {});
  if (text === null) losses.refuse(`${path}.input`, 'it is nested too deep');
  return { id: block['id'], type: 'function', function: { name: block['name'], arguments: text } };
}
