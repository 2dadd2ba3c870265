/**
 * A Messages request as a Chat Completions request. Pure. The conversation itself: `messages-to-chat-content.ts`.
 *
 *   Messages                                     Chat
 *   model, stream                                of the context; a stream always asks for its usage
 *   max_tokens                                   max_completion_tokens
 *   temperature, top_p                           the same (Chat's range is wider)
 *   stop_sequences                               stop, at most 4
 *   tools: { name, description, input_schema }   { type: function, function: { name, description, parameters, strict } }
 *   tool_choice: auto, any, none, { tool }       auto, required, none, { function }
 *     disable_parallel_tool_use                  parallel_tool_calls: false
 *   thinking: disabled                           reasoning_effort: none
 *     enabled, budget_tokens                     low up to 4096, medium up to 16384, else high
 *   output_config.effort                         reasoning_effort, before the budget; the latest of a system message before both
 *   output_config.format, output_format          response_format: json_schema, strict
 *   metadata.user_id                             user, when it has at most 64 characters
 *   service_tier: auto, standard_only            auto, default
 *
 * Refused: tools that run at the upstream or whose form only Anthropic's models know, MCP servers, containers, a region, top_k.
 * Left out by name: cache_control, context_management, speed, and whatever is unknown.
 *
 * Sources: `MessageCreateParamsBase` in @anthropic-ai/sdk; `ChatCompletionCreateParamsBase` in openai.
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';
import { effortOfBudget } from './messages-chat-terms.ts';
import { toChatMessages } from './messages-to-chat-content.ts';
import { RequestLosses } from './request-losses.ts';

const STOPS_MAX = 4;
const USER_CHARS_MAX = 64;

const FIELDS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'system',
  'stream',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'metadata',
  'service_tier',
  'mcp_servers',
  'container',
  'inference_geo',
]);
const OUTPUT_FIELDS: ReadonlySet<string> = new Set(['effort', 'format']);
const THINKING_FIELDS: ReadonlySet<string> = new Set(['type', 'budget_tokens']);
const METADATA_FIELDS: ReadonlySet<string> = new Set(['user_id']);
const TOOL_FIELDS: ReadonlySet<string> = new Set(['type', 'name', 'description', 'input_schema', 'strict']);

/** Fields without which the answer would be another one. */
const REFUSED: readonly (readonly [field: string, reason: string])[] = [
  ['top_k', 'the Chat Completions protocol has no top_k'],
  ['mcp_servers', 'the Chat Completions protocol has no MCP servers'],
  ['container', 'the Chat Completions protocol has no containers'],
  ['inference_geo', 'a region cannot be promised in the Chat Completions protocol'],
];

export function messagesToChatRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  losses.dropOthers(body, FIELDS, '');
  for (const [field, reason] of REFUSED) losses.refuseSet(body, field, reason);
  const out: JsonObject = { model: context.model, messages: toChatMessages(body, losses) };
  setNumber(out, 'max_completion_tokens', losses.number(body, 'max_tokens'));
  for (const field of ['temperature', 'top_p']) setNumber(out, field, losses.number(body, field));
  addStops(out, body, losses);
  addTools(out, body, losses);
  addEffort(out, body, losses);
  addFormat(out, body, losses);
  addUser(out, losses.object(body, 'metadata'), losses);
  if (body['service_tier'] === 'auto') out['service_tier'] = 'auto';
  else if (body['service_tier'] === 'standard_only') out['service_tier'] = 'default';
  else if (isGiven(body['service_tier'])) losses.drop('service_tier');
  if (context.stream) {
    out['stream'] = true;
    out['stream_options'] = { include_usage: true };
  }
  return losses.result(out);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function setNumber(out: JsonObject, field: string, value: number | null): void {
  if (value !== null) out[field] = value;
}

function addStops(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const stops = losses.list(body, 'stop_sequences');
  if (stops === null || stops.length === 0) return;
  if (stops.length > STOPS_MAX)
    losses.refuse('stop_sequences', `the Chat Completions protocol takes at most ${STOPS_MAX}`);
  out['stop'] = stops;
}

function addTools(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const tools = losses.list(body, 'tools') ?? [];
  const converted: JsonObject[] = [];
  for (let i = 0; i < tools.length; i++) {
    const tool = asObject(tools[i]);
    if (tool === null || asString(tool['name']) === null || (isGiven(tool['type']) && tool['type'] !== 'custom')) {
      losses.refuse(
        `tools.${i}`,
        'the Chat Completions protocol has only tools that the client describes and runs itself',
      );
    } else converted.push(chatTool(tool, losses));
  }
  if (converted.length > 0) out['tools'] = converted;
  addToolChoice(out, losses.object(body, 'tool_choice'), losses);
}

function chatTool(tool: JsonObject, losses: RequestLosses): JsonObject {
  losses.dropOthers(tool, TOOL_FIELDS, 'tools.');
  const definition: JsonObject = { name: tool['name'] };
  if (isGiven(tool['description'])) definition['description'] = tool['description'];
  if (isGiven(tool['input_schema'])) definition['parameters'] = tool['input_schema'];
  if (isGiven(tool['strict'])) definition['strict'] = tool['strict'];
  return { type: 'function', function: definition };
}

function addToolChoice(out: JsonObject, choice: JsonObject | null, losses: RequestLosses): void {
  if (choice === null) return;
  switch (choice['type']) {
    case 'auto':
    case 'none':
      out['tool_choice'] = choice['type'];
      break;
    case 'any':
      out['tool_choice'] = 'required';
      break;
    case 'tool':
      out['tool_choice'] = { type: 'function', function: { name: choice['name'] } };
      break;
    default:
      losses.refuse('tool_choice.type', 'the Chat Completions protocol has no such choice');
  }
  if (choice['disable_parallel_tool_use'] === true && choice['type'] !== 'none') out['parallel_tool_calls'] = false;
}

function addEffort(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const config = losses.object(body, 'output_config');
  const thinking = losses.object(body, 'thinking');
  if (config !== null) losses.dropOthers(config, OUTPUT_FIELDS, 'output_config.');
  if (thinking !== null) losses.dropOthers(thinking, THINKING_FIELDS, 'thinking.');
  const effort = latestEffort(body) ?? asString(config?.['effort']);
  const budget = asNumber(thinking?.['budget_tokens']);
  if (thinking?.['type'] === 'disabled') out['reasoning_effort'] = 'none';
  else if (effort !== null) out['reasoning_effort'] = effort;
  else if (thinking?.['type'] === 'enabled' && budget !== null) out['reasoning_effort'] = effortOfBudget(budget);
  if (thinking !== null && !['enabled', 'adaptive', 'disabled'].includes(asString(thinking['type']) ?? ''))
    losses.drop('thinking');
}

/** Messages in the middle of a conversation can change how hard to think from there on; only the last one counts for this answer. */
function latestEffort(body: JsonObject): string | null {
  const messages = asArray(body['messages']) ?? [];
  for (let i = messages.length - 1; i >= 0; i--) {
    const effort = asString(asObject(asObject(messages[i])?.['output_config'])?.['effort']);
    if (effort !== null) return effort;
  }
  return null;
}

function addFormat(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const config = asObject(body['output_config']);
  const path = isGiven(config?.['format']) ? 'output_config.format' : 'output_format';
  const format = config?.['format'] ?? body['output_format'];
  if (!isGiven(format)) return;
  const schema = asObject(asObject(format)?.['schema']);
  if (asObject(format)?.['type'] !== 'json_schema' || schema === null) {
    losses.refuse(path, 'the Chat Completions protocol has no such output format');
    return;
  }
  out['response_format'] = { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };
}

function addUser(out: JsonObject, metadata: JsonObject | null, losses: RequestLosses): void {
  if (metadata === null) return;
  losses.dropOthers(metadata, METADATA_FIELDS, 'metadata.');
  const user = asString(metadata['user_id']);
  if (user !== null && user.length <= USER_CHARS_MAX) out['user'] = user;
  else if (user !== null) losses.drop('metadata.user_id');
}
