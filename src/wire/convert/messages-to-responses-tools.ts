/**
 * Tools of a Messages request, and which of them may be used, as Responses has them. Pure.
 *
 *   { name, description, input_schema, strict }            → function { name, description, parameters, strict }
 *   web_search_20… { allowed_domains, user_location }      → web_search { filters, user_location }; max_uses → max_tool_calls
 *   tool_choice auto | none | any | tool { name }          → auto | none | required | { type: function, name }
 *   disable_parallel_tool_use                              → parallel_tool_calls: false
 *
 * Messages' other tools of its own (bash, text editor, computer, memory, code execution, MCP) and blocked domains are refused.
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asCount, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

/** Fields that change how a tool is told to the model, not what it does. */
const HINTS = ['defer_loading', 'input_examples', 'eager_input_streaming', 'allowed_callers'];
const WEB_SEARCH = /^web_search_20\d{6}$/;

export function addResponsesTools(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const tools = losses.list(body, 'tools') ?? [];
  const converted: JsonObject[] = [];
  for (let i = 0; i < tools.length; i++) {
    const tool = convert(asObject(tools[i]), `tools.${i}`, made, losses);
    if (tool !== null) converted.push(tool);
  }
  if (converted.length === 0) return;
  made['tools'] = converted;
  const choice = losses.object(body, 'tool_choice');
  if (choice === null) return;
  made['tool_choice'] = choiceOf(choice, converted, losses);
  if (choice['disable_parallel_tool_use'] === true) made['parallel_tool_calls'] = false;
}

function convert(tool: JsonObject | null, path: string, made: JsonObject, losses: RequestLosses): JsonObject | null {
  const type = asString(tool?.['type']) ?? 'custom';
  const name = asString(tool?.['name']);
  if (tool === null || name === null) {
    losses.refuse(path, 'a tool without a name');
    return null;
  }
  if (tool['cache_control'] !== undefined) losses.drop('cache_control');
  losses.dropSet(tool, HINTS, 'tools.');
  if (WEB_SEARCH.test(type)) return webSearch(tool, path, made, losses);
  if (type !== 'custom') {
    losses.refuse(path, `the tool ${type} has no counterpart in Responses`);
    return null;
  }
  const parameters = asObject(tool['input_schema']) ?? { type: 'object', properties: {} };
  // Left out, `strict` means true to Responses and false to Messages.
  const converted: JsonObject = { type: 'function', name, parameters, strict: tool['strict'] === true };
  const description = asString(tool['description']);
  if (description !== null) converted['description'] = description;
  return converted;
}

function webSearch(tool: JsonObject, path: string, made: JsonObject, losses: RequestLosses): JsonObject | null {
  if (asArray(tool['blocked_domains'])?.length) {
    losses.refuse(`${path}.blocked_domains`, 'blocked domains have no counterpart in Responses');
    return null;
  }
  const converted: JsonObject = { type: 'web_search' };
  const domains = asArray(tool['allowed_domains']);
  if (domains !== null && domains.length > 0) converted['filters'] = { allowed_domains: domains };
  const location = asObject(tool['user_location']);
  if (location !== null) converted['user_location'] = location;
  const uses = asCount(tool['max_uses']);
  if (uses > 0) made['max_tool_calls'] = uses;
  // Messages tells what was found; Responses does when it is asked to.
  made['include'] = ['web_search_call.action.sources'];
  return converted;
}

function choiceOf(choice: JsonObject, tools: readonly JsonObject[], losses: RequestLosses): unknown {
  switch (choice['type']) {
    case 'auto':
    case 'none':
      return choice['type'];
    case 'any':
      return 'required';
    case 'tool': {
      const name = asString(choice['name']);
      if (tools.some((tool) => tool['name'] === name)) return { type: 'function', name };
      if (name === 'web_search') return { type: 'web_search' };
      losses.refuse('tool_choice.name', 'this names no tool that the request has');
      return 'auto';
    }
    default:
      losses.refuse('tool_choice.type', 'an unknown kind of choice');
      return 'auto';
  }
}
