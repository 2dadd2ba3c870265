/**
 * A request of a Gemini client for a Messages upstream. Pure.
 *
 *   contents, systemInstruction         → messages, system                      `gemini-to-messages-contents.ts`
 *   tools[].functionDeclarations        → tools                                 of those that may be called; Google's own tools refused
 *   toolConfig.functionCallingConfig    → tool_choice                           AUTO auto, ANY any or tool, NONE none
 *   maxOutputTokens, stopSequences      → max_tokens, stop_sequences
 *   temperature, topP, topK             → temperature (0 to 1), top_p, top_k    newer models take one of the first two, and none of the
 *                                                                               three while they think: what is left out is named
 *   responseMimeType and schema         → output_config.format                  JSON without a schema is refused
 *   thinkingConfig                      → thinking, output_config.effort        `gemini-thinking.ts`
 *   candidateCount > 1, cachedContent, other modalities, probabilities          refused
 *   safetySettings, seed, penalties, mediaResolution ...                        left out and named
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { callsWithoutThinking } from './effort-thinking.ts';
import { asFields } from './gemini-fields.ts';
import {
  allowedFunctions,
  answerFormat,
  type CallingMode,
  callingMode,
  type DeclaredFunction,
  declaredFunctions,
  refuseConfigOnly,
  refuseGeminiOnly,
} from './gemini-request.ts';
import { closedSchema } from './gemini-schema.ts';
import { messagesThinking } from './gemini-thinking.ts';
import { messagesOfGemini } from './gemini-to-messages-contents.ts';
import { asObject } from './json.ts';
import { RequestLosses } from './request-losses.ts';

const CONFIG = 'generationConfig.';
const CONFIG_READ: ReadonlySet<string> = new Set([
  'maxOutputTokens',
  'stopSequences',
  'temperature',
  'topP',
  'topK',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'thinkingConfig',
]);
const TEMPERATURE_MAX = 1;

export function geminiToMessagesRequest(given: JsonObject, context: RequestContext): RequestResult {
  const body = asFields(given) ?? {};
  const losses = new RequestLosses();
  refuseGeminiOnly(body, losses);
  const config = asFields(losses.object(body, 'generationConfig')) ?? {};
  refuseConfigOnly(config, CONFIG_READ, losses);
  const { messages, system } = messagesOfGemini(body, losses);
  const mode = callingMode(body, losses);
  const functions = allowedFunctions(declaredFunctions(body, losses), mode);
  const choice = toolChoice(mode, functions);
  const maxTokens = losses.number(config, 'maxOutputTokens', CONFIG) ?? context.maxTokensDefault;
  const stops = losses.list(config, 'stopSequences', CONFIG) ?? [];
  const request: JsonObject = {
    model: context.model,
    max_tokens: maxTokens,
    ...(context.stream && { stream: true }),
    ...(system !== null && { system }),
    messages,
    ...(functions.length > 0 && { tools: functions.map(toolOf) }),
    ...(choice !== null && { tool_choice: choice }),
    ...(stops.length > 0 && { stop_sequences: stops }),
  };
  addThinking(request, config, losses);
  addSampling(request, config, losses);
  addFormat(request, config, losses);
  return losses.result(request);
}

function toolOf({ name, description, parameters }: DeclaredFunction): JsonObject {
  const schema = asObject(parameters) ?? {};
  return {
    name,
    ...(description !== null && { description }),
    input_schema: schema['type'] === undefined ? { type: 'object', properties: {}, ...schema } : schema,
  };
}

function toolChoice(mode: CallingMode | null, functions: readonly DeclaredFunction[]): JsonObject | null {
  if (mode === null || functions.length === 0) return null;
  if (mode.mode === 'AUTO') return { type: 'auto' };
  if (mode.mode === 'NONE') return { type: 'none' };
  return mode.names !== null && functions.length === 1 ? { type: 'tool', name: functions[0]!.name } : { type: 'any' };
}

/** Thinking goes with a choice of the model's own, and with a history whose last calls kept their thinking. */
function addThinking(request: JsonObject, config: JsonObject, losses: RequestLosses): void {
  const maxTokens = request['max_tokens'] as number;
  const { thinking, effort } = messagesThinking(config['thinkingConfig'], request['model'] as string, maxTokens);
  if (effort !== null) request['output_config'] = { effort };
  const budgeted = thinking?.['type'] === 'enabled';
  const choice = asObject(request['tool_choice'])?.['type'];
  const forced = choice === 'any' || choice === 'tool';
  if (forced && thinking !== null && thinking['type'] !== 'disabled') losses.drop(`${CONFIG}thinkingConfig`);
  else if (budgeted && callsWithoutThinking(request['messages'] as JsonObject[]))
    losses.drop(`${CONFIG}thinkingConfig`);
  else if (thinking !== null) request['thinking'] = thinking;
  else if (config['thinkingConfig'] !== undefined) losses.drop(`${CONFIG}thinkingConfig`);
}

function addSampling(request: JsonObject, config: JsonObject, losses: RequestLosses): void {
  const thinking = asObject(request['thinking']);
  const temperature = losses.number(config, 'temperature', CONFIG);
  const topP = losses.number(config, 'topP', CONFIG);
  const topK = losses.number(config, 'topK', CONFIG);
  if (thinking !== null && thinking['type'] !== 'disabled') {
    // 1 is what a thinking model takes anyway.
    if (temperature !== null && temperature !== 1) losses.drop(`${CONFIG}temperature`);
    losses.dropSet(config, ['topP', 'topK'], CONFIG);
    return;
  }
  if (temperature !== null) request['temperature'] = Math.min(temperature, TEMPERATURE_MAX);
  if (temperature !== null && temperature > TEMPERATURE_MAX) losses.drop(`${CONFIG}temperature`);
  if (topP !== null && temperature === null) request['top_p'] = topP;
  else if (topP !== null) losses.drop(`${CONFIG}topP`);
  if (topK !== null) request['top_k'] = topK;
}

function addFormat(request: JsonObject, config: JsonObject, losses: RequestLosses): void {
  const format = answerFormat(config, losses);
  if (format === null) return;
  if (format.schema === null) {
    losses.refuse(`${CONFIG}responseMimeType`, 'Messages promises JSON by a schema alone, and there is none');
    return;
  }
  const outputConfig = asObject(request['output_config']) ?? {};
  request['output_config'] = { ...outputConfig, format: { type: 'json_schema', schema: closedSchema(format.schema) } };
}
