/**
 * A request of a Gemini client for a Chat upstream. Pure.
 *
 *   contents, systemInstruction         → messages                              `gemini-to-chat-contents.ts`
 *   tools[].functionDeclarations        → tools[].function                      of those that may be called; Google's own tools refused
 *   toolConfig.functionCallingConfig    → tool_choice                           AUTO auto, ANY required or a function, NONE none
 *   maxOutputTokens, stopSequences (4)  → max_completion_tokens, stop
 *   temperature, topP, seed, penalties  → likewise
 *   responseMimeType and schema         → response_format                       json_object, json_schema
 *   thinkingConfig                      → reasoning_effort                      `gemini-thinking.ts`
 *   candidateCount > 1, cachedContent, other modalities, probabilities          refused
 *   safetySettings, topK, includeThoughts, mediaResolution ...                  left out and named
 *
 * A stream is asked for its usage, which a Gemini client always gets.
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
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
import { chatEffort } from './gemini-thinking.ts';
import { chatMessagesOfGemini } from './gemini-to-chat-contents.ts';
import { RequestLosses } from './request-losses.ts';

const CONFIG = 'generationConfig.';
/** Gemini's name → Chat's; numbers all of them. */
const NUMBERS = [
  ['maxOutputTokens', 'max_completion_tokens'],
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['seed', 'seed'],
  ['frequencyPenalty', 'frequency_penalty'],
  ['presencePenalty', 'presence_penalty'],
] as const;
const CONFIG_READ: ReadonlySet<string> = new Set([
  ...NUMBERS.map(([gemini]) => gemini),
  'stopSequences',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'thinkingConfig',
]);
const STOPS_MAX = 4;

export function geminiToChatRequest(given: JsonObject, context: RequestContext): RequestResult {
  const body = asFields(given) ?? {};
  const losses = new RequestLosses();
  refuseGeminiOnly(body, losses);
  const config = asFields(losses.object(body, 'generationConfig')) ?? {};
  refuseConfigOnly(config, CONFIG_READ, losses);
  const messages = chatMessagesOfGemini(body, losses);
  const mode = callingMode(body, losses);
  const functions = allowedFunctions(declaredFunctions(body, losses), mode);
  const choice = toolChoice(mode, functions);
  const request: JsonObject = {
    model: context.model,
    messages,
    ...(context.stream && { stream: true, stream_options: { include_usage: true } }),
    ...(functions.length > 0 && { tools: functions.map(toolOf) }),
    ...(choice !== null && { tool_choice: choice }),
  };
  for (const [gemini, chat] of NUMBERS) {
    const value = losses.number(config, gemini, CONFIG);
    if (value !== null) request[chat] = value;
  }
  const stops = losses.list(config, 'stopSequences', CONFIG) ?? [];
  if (stops.length > STOPS_MAX) losses.refuse(`${CONFIG}stopSequences`, `Chat takes at most ${STOPS_MAX} of them`);
  if (stops.length > 0) request['stop'] = stops;
  addFormat(request, config, losses);
  addEffort(request, config, losses);
  return losses.result(request);
}

function toolOf({ name, description, parameters }: DeclaredFunction): JsonObject {
  const declared = {
    name,
    ...(description !== null && { description }),
    ...(parameters !== null && { parameters }),
  };
  return { type: 'function', function: declared };
}

function toolChoice(mode: CallingMode | null, functions: readonly DeclaredFunction[]): unknown {
  if (mode === null || functions.length === 0) return null;
  if (mode.mode === 'AUTO') return 'auto';
  if (mode.mode === 'NONE') return 'none';
  if (mode.names === null || functions.length !== 1) return 'required';
  return { type: 'function', function: { name: functions[0]!.name } };
}

function addFormat(request: JsonObject, config: JsonObject, losses: RequestLosses): void {
  const format = answerFormat(config, losses);
  if (format === null) return;
  request['response_format'] =
    format.schema === null
      ? { type: 'json_object' }
      : { type: 'json_schema', json_schema: { name: 'response', schema: format.schema } };
}

function addEffort(request: JsonObject, config: JsonObject, losses: RequestLosses): void {
  const thinkingConfig = asFields(config['thinkingConfig']);
  if (thinkingConfig === null) return;
  if (thinkingConfig['includeThoughts'] === true) losses.drop(`${CONFIG}thinkingConfig.includeThoughts`);
  const effort = chatEffort(thinkingConfig);
  if (effort !== null) request['reasoning_effort'] = effort;
}
