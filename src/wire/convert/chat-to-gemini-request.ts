/**
 * A Chat request for a Gemini upstream. Pure.
 *
 *   messages                            → contents, systemInstruction           `chat-to-gemini-contents.ts`
 *   tools[].function                    → tools[0].functionDeclarations         parameters → parametersJsonSchema; other tools refused
 *   tool_choice                         → toolConfig.functionCallingConfig      auto AUTO, required ANY, none NONE, a function ANY with
 *                                                                               its name, allowed_tools with their names
 *   max_completion_tokens | max_tokens, temperature, top_p, stop, seed, frequency_penalty, presence_penalty → generationConfig
 *   response_format                     → responseMimeType, responseJsonSchema
 *   reasoning_effort                    → thinkingConfig
 *   n > 1, logprobs, logit_bias, audio answers, web search, functions           refused
 *   user, store, metadata, parallel_tool_calls: false, verbosity ...            left out and named
 */
import { geminiContentsOfChat } from './chat-to-gemini-contents.ts';
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { functionCallingConfig, functionDeclaration, geminiRequest, geminiStops } from './gemini-request.ts';
import { isEffort, thinkingConfigOfEffort } from './gemini-thinking.ts';
import { asArray, asObject, asString } from './json.ts';
import { RequestLosses } from './request-losses.ts';

/** Chat's name → Gemini's; numbers all of them. */
const NUMBERS = [
  ['temperature', 'temperature'],
  ['top_p', 'topP'],
  ['top_k', 'topK'],
  ['seed', 'seed'],
  ['frequency_penalty', 'frequencyPenalty'],
  ['presence_penalty', 'presencePenalty'],
] as const;

const READ: ReadonlySet<string> = new Set([
  ...NUMBERS.map(([chat]) => chat),
  'model',
  'messages',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_tokens',
  'max_completion_tokens',
  'stop',
  'n',
  'response_format',
  'reasoning_effort',
  'logprobs',
  'top_logprobs',
  'logit_bias',
  'modalities',
  'audio',
  'functions',
  'function_call',
  'web_search_options',
]);
const FUNCTION_READ: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'strict']);

export function chatToGeminiRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  refuseUnknownToGemini(body, losses);
  losses.dropOthers(body, READ);
  if (body['parallel_tool_calls'] === false) losses.drop('parallel_tool_calls');
  const request = geminiRequest({
    contents: geminiContentsOfChat(body, losses),
    declarations: functionDeclarations(body, losses),
    toolConfig: toolConfigOf(body, losses),
    generationConfig: generationConfig(body, context, losses),
  });
  return losses.result(request);
}

function refuseUnknownToGemini(body: JsonObject, losses: RequestLosses): void {
  if ((losses.number(body, 'n') ?? 1) > 1) losses.refuse('n', 'there is one choice to an answer');
  losses.refuseSet(body, 'logprobs', 'Gemini tells probabilities in another form');
  losses.refuseSet(body, 'top_logprobs', 'Gemini tells probabilities in another form');
  losses.refuseSet(body, 'logit_bias', 'Gemini has no counterpart to it');
  losses.refuseSet(body, 'web_search_options', 'the search runs at OpenAI');
  losses.refuseSet(body, 'functions', 'functions are declared as tools');
  losses.refuseSet(body, 'function_call', 'functions are declared as tools');
  losses.refuseSet(body, 'audio', 'answers are text');
  if (asArray(body['modalities'])?.some((each) => each !== 'text')) losses.refuse('modalities', 'answers are text');
}

function generationConfig(body: JsonObject, context: RequestContext, losses: RequestLosses): JsonObject {
  const config: JsonObject = {};
  const maxTokens = losses.number(body, 'max_completion_tokens') ?? losses.number(body, 'max_tokens');
  if (maxTokens !== null) config['maxOutputTokens'] = maxTokens;
  for (const [chat, gemini] of NUMBERS) {
    const value = losses.number(body, chat);
    if (value !== null) config[gemini] = value;
  }
  const stop = asString(body['stop']);
  const stopSequences = geminiStops(stop === null ? losses.list(body, 'stop') : [stop], 'stop', losses);
  if (stopSequences !== null) config['stopSequences'] = stopSequences;
  addFormat(config, losses.object(body, 'response_format'), losses);
  const effort = losses.text(body, 'reasoning_effort');
  if (effort !== null && isEffort(effort)) config['thinkingConfig'] = thinkingConfigOfEffort(effort, context.model);
  else if (effort !== null) losses.refuse('reasoning_effort', 'there is no such effort');
  return config;
}

function addFormat(config: JsonObject, format: JsonObject | null, losses: RequestLosses): void {
  const type = format?.['type'] ?? 'text';
  if (type === 'text') return;
  config['responseMimeType'] = 'application/json';
  if (type === 'json_object') return;
  const schema = asObject(asObject(format?.['json_schema'])?.['schema']);
  if (type !== 'json_schema') losses.refuse('response_format.type', 'Gemini knows no such format');
  else if (schema !== null) config['responseJsonSchema'] = schema;
}

function functionDeclarations(body: JsonObject, losses: RequestLosses): JsonObject[] {
  const tools = losses.list(body, 'tools') ?? [];
  const declarations: JsonObject[] = [];
  for (let i = 0; i < tools.length; i++) {
    const tool = asObject(tools[i]) ?? {};
    const declared = asObject(tool['function']) ?? {};
    const name = asString(declared['name']);
    if (tool['type'] !== 'function' || name === null) {
      losses.refuse(`tools.${i}`, 'only functions, which have a name, have a counterpart in Gemini');
      continue;
    }
    if (declared['strict'] === true) losses.drop('tools.function.strict');
    losses.dropOthers(declared, FUNCTION_READ, 'tools.function.');
    declarations.push(functionDeclaration(name, asString(declared['description']), asObject(declared['parameters'])));
  }
  return declarations;
}

function toolConfigOf(body: JsonObject, losses: RequestLosses): JsonObject | null {
  const choice = body['tool_choice'] ?? null;
  const chosen = asObject(choice);
  if (choice === 'auto') return functionCallingConfig('AUTO');
  if (choice === 'required') return functionCallingConfig('ANY');
  if (choice === 'none') return functionCallingConfig('NONE');
  const name = asString(asObject(chosen?.['function'])?.['name']);
  if (chosen?.['type'] === 'function' && name !== null) return functionCallingConfig('ANY', [name]);
  const allowed = asObject(chosen?.['allowed_tools']);
  if (chosen?.['type'] === 'allowed_tools' && allowed?.['mode'] === 'required') {
    return functionCallingConfig('ANY', allowedNames(allowed));
  }
  if (choice !== null) losses.refuse('tool_choice', 'Gemini knows no such choice');
  return null;
}

function allowedNames(allowed: JsonObject): string[] {
  const names: string[] = [];
  for (const tool of asArray(allowed['tools']) ?? []) {
    const name = asString(asObject(asObject(tool)?.['function'])?.['name']);
    if (name !== null) names.push(name);
  }
  return names;
}
