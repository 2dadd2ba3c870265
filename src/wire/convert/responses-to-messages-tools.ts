/**
 * Tools of a Responses request, and which of them may be used, as Messages has them. Pure.
 *
 *   function { name, description, parameters, strict }  → { name, description, input_schema, strict }
 *   custom { name, description, format }                → { name marked as free-form, input_schema: { input: string } }; a grammar is
 *                                                         told in the description and named as dropped
 *   web_search { filters, user_location }               → web_search_20250305
 *   tool_choice auto | none | required | { name }       → auto | none | any | tool
 *   allowed_tools { mode, tools }                       → the tools that are allowed, alone
 *   parallel_tool_calls: false                          → tool_choice.disable_parallel_tool_use
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asCount, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';
import { MESSAGES_TOOL_RULES } from './responses-to-messages-input.ts';
import { collectTools, describeFormat, isWebSearch, type ResponsesTool } from './responses-tools.ts';

export interface MessagesTools {
  readonly tools: readonly JsonObject[];
  /** Null: nothing to say. */
  readonly choice: JsonObject | null;
  /** The model has to call a tool, with which Messages takes no thinking. */
  readonly forced: boolean;
}

export function messagesTools(body: JsonObject, losses: RequestLosses): MessagesTools {
  const wish = body['tool_choice'];
  const all = collectTools(body, MESSAGES_TOOL_RULES, losses);
  const offered = asObject(wish)?.['type'] === 'allowed_tools' ? allowedOf(all, asObject(wish)!, losses) : all;
  const choice = choiceOf(wish, all, losses);
  const tools = offered.map((tool) => toolObject(tool, body, losses));
  if (tools.length === 0) return { tools, choice: null, forced: false };
  const isSingle = body['parallel_tool_calls'] === false && choice.type !== 'none';
  const disable = isSingle ? { disable_parallel_tool_use: true } : {};
  const says = choice.type !== 'auto' || isSingle;
  return {
    tools,
    choice: says ? { ...choice, ...disable } : null,
    forced: choice.type === 'any' || choice.type === 'tool',
  };
}

function toolObject(tool: ResponsesTool, body: JsonObject, losses: RequestLosses): JsonObject {
  if (tool.kind === 'web_search') return webSearchTool(tool.tool, body, losses);
  const made: JsonObject = { name: tool.travelling };
  const description = asString(tool.tool['description']);
  if (tool.kind === 'custom') {
    const format = describeFormat(tool.tool);
    if (format !== null) losses.drop('tools.format');
    const told = [description ?? '', format ?? ''].filter((text) => text !== '').join('\n\n');
    if (told !== '') made['description'] = told;
    made['input_schema'] = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };
    return made;
  }
  if (description !== null) made['description'] = description;
  made['input_schema'] = asObject(tool.tool['parameters']) ?? { type: 'object', properties: {} };
  if (tool.tool['strict'] === true) made['strict'] = true;
  return made;
}

function webSearchTool(tool: JsonObject, body: JsonObject, losses: RequestLosses): JsonObject {
  const made: JsonObject = { type: 'web_search_20250305', name: 'web_search' };
  const domains = asArray(asObject(tool['filters'])?.['allowed_domains']);
  if (domains !== null && domains.length > 0) made['allowed_domains'] = domains;
  const location = asObject(tool['user_location']);
  if (location !== null) made['user_location'] = { ...location, type: 'approximate' };
  const uses = asCount(body['max_tool_calls']);
  if (uses > 0) made['max_uses'] = uses;
  losses.dropSet(tool, ['search_context_size'], 'tools.web_search.');
  return made;
}

type Choice = JsonObject & { readonly type: 'auto' | 'none' | 'any' | 'tool' };

function choiceOf(wish: unknown, tools: readonly ResponsesTool[], losses: RequestLosses): Choice {
  if (wish === undefined || wish === null || wish === 'auto') return { type: 'auto' };
  if (wish === 'none') return { type: 'none' };
  if (wish === 'required') return { type: 'any' };
  const named = asObject(wish);
  if (named?.['type'] === 'allowed_tools') return { type: named['mode'] === 'required' ? 'any' : 'auto' };
  const tool = named === null ? undefined : tools.find((candidate) => isMeant(candidate, named));
  if (tool !== undefined) return { type: 'tool', name: tool.travelling };
  losses.refuse('tool_choice', 'this choice names no tool that the request has');
  return { type: 'auto' };
}

function isMeant(tool: ResponsesTool, named: JsonObject): boolean {
  const type = asString(named['type']) ?? '';
  if (tool.kind === 'web_search') return isWebSearch(type);
  return tool.kind === type && tool.name === named['name'];
}

function allowedOf(tools: readonly ResponsesTool[], wish: JsonObject, losses: RequestLosses): ResponsesTool[] {
  const allowed = asArray(wish['tools']) ?? [];
  const found: ResponsesTool[] = [];
  for (let i = 0; i < allowed.length; i++) {
    const named = asObject(allowed[i]);
    const tool = named === null ? undefined : tools.find((candidate) => isMeant(candidate, named));
    if (tool === undefined) losses.refuse(`tool_choice.tools.${i}`, 'this names no tool that the request has');
    else if (!found.includes(tool)) found.push(tool);
  }
  return found;
}
