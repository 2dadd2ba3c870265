/**
 * A request of the Messages protocol for a Gemini upstream. Pure.
 *
 *   messages, system            → contents, systemInstruction            `messages-to-gemini-contents.ts`
 *   tools[]                     → tools[0].functionDeclarations          input_schema → parametersJsonSchema; tools with a type of their
 *                                                                        own run at Anthropic or need its training: refused
 *   tool_choice                 → toolConfig.functionCallingConfig       auto AUTO, any ANY, tool ANY with one name, none NONE
 *   max_tokens, temperature, top_p, top_k, stop_sequences → generationConfig
 *   thinking, output_config     → generationConfig.thinkingConfig, responseJsonSchema
 *   container, mcp_servers      refused
 *   metadata, service_tier, cache_control, betas ... left out and named
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { shown } from './gemini-fields.ts';
import { functionCallingConfig, functionDeclaration, geminiRequest, geminiStops } from './gemini-request.ts';
import { thinkingConfigOfMessages } from './gemini-thinking.ts';
import { asArray, asObject, asString } from './json.ts';
import { geminiContentsOfMessages } from './messages-to-gemini-contents.ts';
import { RequestLosses } from './request-losses.ts';

const READ: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'thinking',
  'output_config',
]);
const TOOL_READ: ReadonlySet<string> = new Set(['type', 'name', 'description', 'input_schema']);

export function messagesToGeminiRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  losses.refuseSet(body, 'container', 'containers run at Anthropic');
  losses.refuseSet(body, 'mcp_servers', 'MCP servers are called by Anthropic');
  losses.dropOthers(body, READ);
  const request = geminiRequest({
    contents: geminiContentsOfMessages(body, context.model, losses),
    declarations: functionDeclarations(body, losses),
    toolConfig: toolConfigOf(body, losses),
    generationConfig: generationConfig(body, context, losses),
  });
  return losses.result(request);
}

function generationConfig(body: JsonObject, context: RequestContext, losses: RequestLosses): JsonObject {
  const config: JsonObject = {};
  const maxTokens = losses.number(body, 'max_tokens');
  const temperature = losses.number(body, 'temperature');
  const topP = losses.number(body, 'top_p');
  const topK = losses.number(body, 'top_k');
  if (maxTokens !== null) config['maxOutputTokens'] = maxTokens;
  if (temperature !== null) config['temperature'] = temperature;
  if (topP !== null) config['topP'] = topP;
  if (topK !== null) config['topK'] = topK;
  const stopSequences = geminiStops(losses.list(body, 'stop_sequences'), 'stop_sequences', losses);
  if (stopSequences !== null) config['stopSequences'] = stopSequences;
  addFormat(config, asObject(asObject(body['output_config'])?.['format']), losses);
  const thinkingConfig = thinkingConfigOfMessages(body, context.model);
  if (thinkingConfig !== null) config['thinkingConfig'] = thinkingConfig;
  return config;
}

function addFormat(config: JsonObject, format: JsonObject | null, losses: RequestLosses): void {
  if (format === null) return;
  if (format['type'] !== 'json_schema') {
    losses.refuse('output_config.format.type', 'Gemini knows no such format');
    return;
  }
  config['responseMimeType'] = 'application/json';
  config['responseJsonSchema'] = format['schema'];
}

function functionDeclarations(body: JsonObject, losses: RequestLosses): JsonObject[] {
  const tools = losses.list(body, 'tools') ?? [];
  const declarations: JsonObject[] = [];
  for (let i = 0; i < tools.length; i++) {
    const tool = asObject(tools[i]) ?? {};
    const type = asString(tool['type']) ?? 'custom';
    const name = asString(tool['name']);
    if (type !== 'custom') losses.refuse(`tools.${i}`, `tools of type ${shown(type)} have no counterpart in Gemini`);
    else if (name === null) losses.refuse(`tools.${i}.name`, 'a tool has a name');
    losses.dropOthers(tool, TOOL_READ, 'tools.');
    declarations.push(functionDeclaration(name ?? '', asString(tool['description']), asObject(tool['input_schema'])));
  }
  return declarations;
}

function toolConfigOf(body: JsonObject, losses: RequestLosses): JsonObject | null {
  const choice = losses.object(body, 'tool_choice');
  if (choice === null || asArray(body['tools'])?.length === 0) return null;
  if (choice['disable_parallel_tool_use'] === true) losses.drop('tool_choice.disable_parallel_tool_use');
  switch (choice['type']) {
    case 'auto':
      return functionCallingConfig('AUTO');
    case 'any':
      return functionCallingConfig('ANY');
    case 'none':
      return functionCallingConfig('NONE');
    case 'tool':
      return functionCallingConfig('ANY', [asString(choice['name']) ?? '']);
    default:
      losses.refuse('tool_choice.type', 'Gemini knows no such choice');
      return null;
  }
}
