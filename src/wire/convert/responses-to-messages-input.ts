/**
 * The input items of a Responses request as `system` and `messages` of Messages. Pure; one builder a request.
 *
 *   message user | assistant             → message of that role; neighbours of one role become one message
 *   message system | developer           → before the conversation: a block of `system`; within it: a message of role system
 *   function_call, custom_tool_call      → tool_use of the assistant; free-form input becomes { input: text }
 *   function_call_output, custom_tool_call_output → tool_result of the user, before everything else that the user says then
 *   reasoning                            → the thinking it carries (`carried-thinking.ts`); any other is dropped and named
 *   web_search_call                      → dropped and named: its results were readable for their provider alone
 *   additional_tools                     → read with the tools
 *   item_reference, compaction, ...      → refused: they stand for what only their provider has
 */
import { thinkingBlock } from './carried-thinking.ts';
import type { JsonObject } from './crossing.ts';
import { asObject, asString, parseObject } from './json.ts';
import type { RequestLosses } from './request-losses.ts';
import { contentBlocks } from './responses-to-messages-content.ts';
import { type ToolRules, upstreamToolName } from './responses-tools.ts';

/** What Messages takes as a tool's name. */
export const MESSAGES_TOOL_RULES: ToolRules = { marksFreeform: true, nameCharsMax: 128 };

interface Message extends JsonObject {
  readonly role: string;
  readonly content: JsonObject[];
}

export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly messages: readonly JsonObject[];
}

export function conversationOf(body: JsonObject, losses: RequestLosses): Conversation {
  const builder = new ConversationBuilder(losses);
  builder.instructions(losses.text(body, 'instructions') ?? '');
  const input = body['input'];
  if (typeof input === 'string') builder.add('user', [{ type: 'text', text: input }]);
  else if (Array.isArray(input)) builder.items(input);
  else losses.refuse('input', 'input is neither text nor a list of items');
  return builder;
}

class ConversationBuilder implements Conversation {
  readonly system: JsonObject[] = [];
  readonly messages: Message[] = [];
  readonly #losses: RequestLosses;

  constructor(losses: RequestLosses) {
    this.#losses = losses;
  }

  instructions(text: string): void {
    if (text !== '') this.system.push({ type: 'text', text });
  }

  items(input: readonly unknown[]): void {
    for (let i = 0; i < input.length; i++) {
      const item = asObject(input[i]);
      if (item === null) this.#losses.refuse(`input.${i}`, 'an item that is no object');
      else this.#item(item, `input.${i}`);
    }
  }

  add(role: string, blocks: readonly JsonObject[]): void {
    if (blocks.length === 0) return;
    const last = this.messages.at(-1);
    if (last !== undefined && last.role === role) for (const block of blocks) last.content.push(block);
    else this.messages.push({ role, content: [...blocks] });
  }

  #item(item: JsonObject, path: string): void {
    const type = asString(item['type']) ?? (item['role'] === undefined ? 'none' : 'message');
    switch (type) {
      case 'message':
        return this.#message(item, path);
      case 'function_call':
        return this.#functionCall(item, path);
      case 'custom_tool_call':
        return this.#call(item, path, { input: asString(item['input']) ?? '' }, true);
      case 'function_call_output':
      case 'custom_tool_call_output':
        return this.#callOutput(item, path);
      case 'reasoning':
        return this.#reasoning(item);
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
    const blocks = contentBlocks(item['content'], `${path}.content`, this.#losses);
    if (role === 'user' || role === 'assistant') return this.add(role, blocks);
    if (role !== 'system' && role !== 'developer') return this.#losses.refuse(`${path}.role`, 'an unknown role');
    if (blocks.some((block) => block['type'] !== 'text')) {
      return this.#losses.refuse(`${path}.content`, 'instructions in Messages are text alone');
    }
    if (this.messages.length > 0) return this.add('system', blocks);
    for (const block of blocks) this.system.push(block);
  }

  #functionCall(item: JsonObject, path: string): void {
    const text = asString(item['arguments']) ?? '';
    const input = text.trim() === '' ? {} : parseObject(text);
    if (input === null) this.#losses.refuse(`${path}.arguments`, 'arguments that are no JSON object');
    else this.#call(item, path, input, false);
  }

  #call(item: JsonObject, path: string, input: JsonObject, freeform: boolean): void {
    const name = asString(item['name']);
    const id = asString(item['call_id']);
    if (name === null || id === null) return this.#losses.refuse(path, 'a call without a name or a call_id');
    const travelling = upstreamToolName(
      { name, namespace: asString(item['namespace']), freeform },
      MESSAGES_TOOL_RULES,
    );
    if (travelling === null) return this.#losses.refuse(`${path}.name`, 'this name cannot be carried there and back');
    this.add('assistant', [{ type: 'tool_use', id, name: travelling, input }]);
  }

  /** Messages wants every result in the message right behind its call, and first in it. */
  #callOutput(item: JsonObject, path: string): void {
    const id = asString(item['call_id']);
    if (id === null) return this.#losses.refuse(path, 'an output without a call_id');
    const output = item['output'];
    const content = typeof output === 'string' ? output : contentBlocks(output, `${path}.output`, this.#losses);
    const result = { type: 'tool_result', tool_use_id: id, content };
    const called = this.messages.findLastIndex((message) => message.role === 'assistant' && calls(message, id));
    const answer = this.messages[called + 1];
    if (called < 0 || answer === undefined) return this.add('user', [result]);
    if (answer.role !== 'user') return void this.messages.splice(called + 1, 0, { role: 'user', content: [result] });
    const end = answer.content.findIndex((block) => block['type'] !== 'tool_result');
    answer.content.splice(end < 0 ? answer.content.length : end, 0, result);
  }

  #reasoning(item: JsonObject): void {
    const block = thinkingBlock(item);
    if (block === null) this.#losses.drop('input.reasoning');
    else this.add('assistant', [block]);
  }
}

function calls(message: Message, id: string): boolean {
  return message.content.some((block) => block['type'] === 'tool_use' && block['id'] === id);
}

/** A Responses request may end with a message of the assistant and is answered by another one; Messages would go on with it. */
export function endsWithAssistant(conversation: Conversation): boolean {
  return conversation.messages.at(-1)?.['role'] === 'assistant';
}
