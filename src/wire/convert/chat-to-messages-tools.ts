/**
 * Tools of a Chat Completions request, and which of them may be called, in the words of Messages. Pure.
 * The table stands above `chat-to-messages-request.ts`.
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asObject, asString } from './json.ts';
import type { RequestLosses } from './request-losses.ts';

const TOOL_FIELDS: ReadonlySet<string> = new Set(['type', 'function']);
const FUNCTION_FIELDS: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'strict']);

/** Sets `tools` and `tool_choice` of the Messages body `out`. */
export function addMessagesTools(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const tools = losses.list(body, 'tools') ?? [];
  const converted: JsonObject[] = [];
  for (let i = 0; i < tools.length; i++) {
    const tool = asObject(tools[i]);
    const definition = asObject(tool?.['function']);
    if (tool === null || definition === null || asString(definition['name']) === null) {
      losses.refuse(`tools.${i}`, 'only functions have a counterpart in the Messages protocol');
      continue;
    }
    losses.dropOthers(tool, TOOL_FIELDS, 'tools.');
    converted.push(messagesTool(definition, losses));
  }
  const choice = toolChoice(body['tool_choice'], losses);
  const allowed = allowedNames(body['tool_choice']);
  const offered = allowed === null ? converted : converted.filter((tool) => allowed.includes(tool['name']));
  if (offered.length === 0) {
    if (allowed !== null) losses.refuse('tool_choice.allowed_tools', 'none of them is among the tools');
    if (choice !== null && choice['type'] !== 'none') out['tool_choice'] = choice;
    return;
  }
  out['tools'] = offered;
  if (losses.flag(body, 'parallel_tool_calls') === false && choice?.['type'] !== 'none')
    out['tool_choice'] = { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
  else if (choice !== null) out['tool_choice'] = choice;
}

function messagesTool(definition: JsonObject, losses: RequestLosses): JsonObject {
  losses.dropOthers(definition, FUNCTION_FIELDS, 'tools.function.');
  const tool: JsonObject = { name: definition['name'] };
  if (asString(definition['description']) !== null) tool['description'] = definition['description'];
  tool['input_schema'] = asObject(definition['parameters']) ?? { type: 'object', properties: {} };
  if (typeof definition['strict'] === 'boolean') tool['strict'] = definition['strict'];
  return tool;
}

function toolChoice(choice: unknown, losses: RequestLosses): JsonObject | null {
  if (choice === undefined || choice === null) return null;
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  const fields = asObject(choice);
  const name = asString(asObject(fields?.['function'])?.['name']);
  if (fields?.['type'] === 'function' && name !== null) return { type: 'tool', name };
  const allowed = asObject(fields?.['allowed_tools']);
  if (fields?.['type'] === 'allowed_tools' && allowed !== null)
    return { type: allowed['mode'] === 'required' ? 'any' : 'auto' };
  losses.refuse('tool_choice', 'the Messages protocol has no such choice');
  return null;
}

/** Names of the tools that may be called; null: all. */
function allowedNames(choice: unknown): readonly unknown[] | null {
  const tools = asArray(asObject(asObject(choice)?.['allowed_tools'])?.['tools']);
  return tools?.map((tool) => asObject(asObject(tool)?.['function'])?.['name']) ?? null;
}
