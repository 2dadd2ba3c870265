/**
 * A Messages request as a Responses request. Pure.
 *
 *   model, stream                → from the context; store: false always
 *   system, messages             → instructions, input          (`messages-to-responses-input.ts`)
 *   tools, tool_choice           → tools, tool_choice, parallel_tool_calls, max_tool_calls (`messages-to-responses-tools.ts`)
 *   thinking, output_config.effort → reasoning { effort, summary } (`effort-thinking.ts`)
 *   output_config.format         → text.format json_schema, strict as Messages means it
 *   max_tokens                   → max_output_tokens, at least 16, which is named
 *   temperature, top_p           → the same
 *   metadata.user_id             → safety_identifier, unless it is too long for one
 *   service_tier                 → auto, standard_only → default
 *
 * Refused: stop_sequences, top_k, containers, MCP servers, fast speed and a place of inference: Responses has none of them, and each
 * changes the answer or where it is made. Context edits are named as dropped: they prune what is dropped here anyway.
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { effortOfThinking, wantsThinkingText } from './effort-thinking.ts';
import { asObject, asString } from './json.ts';
import { inputOf, instructionsOf } from './messages-to-responses-input.ts';
import { addResponsesTools } from './messages-to-responses-tools.ts';
import { RequestLosses } from './request-losses.ts';

const READ = new Set([
  ...['model', 'stream', 'system', 'messages', 'tools', 'tool_choice', 'thinking', 'output_config', 'output_format'],
  ...['max_tokens', 'temperature', 'top_p', 'metadata', 'service_tier', 'stop_sequences', 'top_k', 'container'],
  ...['mcp_servers', 'speed', 'inference_geo'],
]);

/** What Responses takes. */
export const OUTPUT_TOKENS_MIN = 16;
const IDENTIFIER_CHARS_MAX = 64;
const FORMAT_NAME = 'answer';

export function messagesToResponsesRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  losses.refuseSet(body, 'stop_sequences', 'Responses has no stop sequences');
  losses.refuseSet(body, 'top_k', 'Responses has no top_k');
  losses.refuseSet(body, 'container', 'containers have no counterpart in Responses');
  losses.refuseSet(body, 'mcp_servers', 'MCP servers of Messages have no counterpart in Responses');
  losses.refuseSet(body, 'inference_geo', 'Responses does not say where it is served');
  if (body['speed'] !== 'standard') losses.refuseSet(body, 'speed', 'Responses has no fast speed');
  losses.dropOthers(body, READ);

  const made: JsonObject = { model: context.model, input: inputOf(body, losses), store: false };
  if (context.stream) made['stream'] = true;
  const instructions = instructionsOf(body, losses);
  if (instructions !== '') made['instructions'] = instructions;
  addResponsesTools(body, made, losses);
  addReasoning(body, made, losses);
  addFormat(body, made, losses);
  addLimit(body, made, losses);
  for (const field of ['temperature', 'top_p']) {
    const value = losses.number(body, field);
    if (value !== null) made[field] = value;
  }
  addUser(body, made, losses);
  const tier = losses.text(body, 'service_tier');
  if (tier !== null) made['service_tier'] = tier === 'standard_only' ? 'default' : tier;
  return losses.result(made);
}

function addReasoning(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const effort = effortOfThinking(body);
  const thinking = losses.object(body, 'thinking');
  if (thinking?.['type'] === 'between_tools') losses.drop('thinking');
  const reasoning: JsonObject = {};
  if (effort !== null) reasoning['effort'] = effort;
  if (wantsThinkingText(body)) reasoning['summary'] = 'auto';
  if (Object.keys(reasoning).length > 0) made['reasoning'] = reasoning;
}

function addFormat(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const config = losses.object(body, 'output_config');
  if (config !== null) losses.dropOthers(config, new Set(['effort', 'format']), 'output_config.');
  const format = asObject(config?.['format']) ?? losses.object(body, 'output_format');
  if (format === null) return;
  const schema = asObject(format['schema']);
  if (format['type'] !== 'json_schema' || schema === null)
    return losses.refuse('output_config.format', 'an unknown format');
  made['text'] = { format: { type: 'json_schema', name: FORMAT_NAME, schema, strict: true } };
}

function addLimit(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const limit = losses.number(body, 'max_tokens');
  if (limit === null) return;
  if (limit < OUTPUT_TOKENS_MIN) losses.drop('max_tokens');
  made['max_output_tokens'] = Math.max(limit, OUTPUT_TOKENS_MIN);
}

function addUser(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const metadata = losses.object(body, 'metadata');
  if (metadata === null) return;
  losses.dropOthers(metadata, new Set(['user_id']), 'metadata.');
  const user = asString(metadata['user_id']);
  if (user === null) return;
  if (user.length > IDENTIFIER_CHARS_MAX) losses.drop('metadata.user_id');
  else made['safety_identifier'] = user;
}
