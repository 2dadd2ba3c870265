/**
 * A Chat Completions request as a Messages request. Pure. The conversation itself: `chat-to-messages-content.ts`.
 *
 *   Chat                                          Messages
 *   model, stream                                 of the context
 *   max_completion_tokens, else max_tokens        max_tokens, else the context's default
 *   temperature up to 1, top_p                    the same; hotter is refused
 *   stop: string | strings                        stop_sequences
 *   tools: function                               { name, description, input_schema, strict }
 *   tool_choice: auto, required, none, function   auto, any, none, tool
 *     allowed_tools: { mode, tools }              tools cut down to those; auto or any
 *   parallel_tool_calls: false                    tool_choice.disable_parallel_tool_use
 *   reasoning_effort: none                        thinking: disabled
 *     minimal, low, medium, high, xhigh, max      thinking: adaptive, output_config.effort (minimal is low)
 *   response_format: json_schema                  output_config.format; the schema always binds, as with strict
 *   safety_identifier, else user                  metadata.user_id
 *   service_tier: auto, default                   auto, standard_only
 *
 * Refused, because the answer would be another one: n > 1, logprobs, logit_bias, penalties, audio, json_object (any JSON), functions in
 * their old form, web search, moderation. Left out by name: seed (a best effort anywhere), prediction, verbosity, store, metadata,
 * prompt cache hints, and whatever is unknown.
 *
 * Sources: `ChatCompletionCreateParamsBase` in openai; `MessageCreateParamsBase` in @anthropic-ai/sdk.
 */
import { toMessages } from './chat-to-messages-content.ts';
import { addMessagesTools } from './chat-to-messages-tools.ts';
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { asObject } from './json.ts';
import { messagesEffort } from './messages-chat-terms.ts';
import { RequestLosses } from './request-losses.ts';

const TEMPERATURE_MAX = 1;

const FIELDS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'stop',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning_effort',
  'response_format',
  'user',
  'safety_identifier',
  'service_tier',
  'n',
  'logprobs',
  'top_logprobs',
  'logit_bias',
  'frequency_penalty',
  'presence_penalty',
  'audio',
  'modalities',
  'functions',
  'function_call',
  'web_search_options',
  'moderation',
]);
const STREAM_FIELDS: ReadonlySet<string> = new Set(['include_usage']);

/** Fields without which the answer would be another one, when they ask for something. */
const REFUSED: readonly (readonly [field: string, reason: string])[] = [
  ['logprobs', 'the Messages protocol has no log probabilities'],
  ['top_logprobs', 'the Messages protocol has no log probabilities'],
  ['logit_bias', 'the Messages protocol has no bias of tokens'],
  ['frequency_penalty', 'the Messages protocol has no penalties'],
  ['presence_penalty', 'the Messages protocol has no penalties'],
  ['audio', 'the Messages protocol has no audio'],
  ['functions', 'functions have to be tools for the Messages protocol'],
  ['function_call', 'function_call has to be tool_choice for the Messages protocol'],
  ['moderation', 'the Messages protocol has no moderation'],
];

export function chatToMessagesRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  losses.dropOthers(body, FIELDS, '');
  for (const [field, reason] of REFUSED) losses.refuseSet(body, field, reason);
  // An empty object asks for a search of default width.
  if (isGiven(body['web_search_options']))
    losses.refuse('web_search_options', 'the Messages protocol has no such search');
  if (isGiven(body['n']) && body['n'] !== 1) losses.refuse('n', 'the Messages protocol gives one answer');
  if (isGiven(body['modalities']) && !isTextOnly(body['modalities']))
    losses.refuse('modalities', 'the Messages protocol answers text only');
  const { system, messages } = toMessages(body, losses);
  const maxTokens = losses.number(body, 'max_completion_tokens') ?? losses.number(body, 'max_tokens');
  const out: JsonObject = { model: context.model, max_tokens: maxTokens ?? context.maxTokensDefault, messages };
  if (system.length > 0) out['system'] = system;
  addSampling(out, body, losses);
  addStops(out, body, losses);
  addMessagesTools(out, body, losses);
  addEffort(out, body, losses);
  addFormat(out, body, losses);
  const user = losses.text(body, 'safety_identifier') ?? losses.text(body, 'user');
  if (user !== null) out['metadata'] = { user_id: user };
  addTier(out, body, losses);
  if (context.stream) out['stream'] = true;
  const options = losses.object(body, 'stream_options');
  if (options !== null) losses.dropOthers(options, STREAM_FIELDS, 'stream_options.');
  return losses.result(out);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.every((modality) => modality === 'text');
}

function addSampling(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const temperature = losses.number(body, 'temperature');
  const topP = losses.number(body, 'top_p');
  if (temperature !== null && temperature > TEMPERATURE_MAX)
    losses.refuse('temperature', `the Messages protocol takes at most ${TEMPERATURE_MAX}`);
  if (temperature !== null) out['temperature'] = temperature;
  if (topP !== null) out['top_p'] = topP;
}

function addStops(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const stop = body['stop'];
  if (!isGiven(stop)) return;
  if (typeof stop === 'string') out['stop_sequences'] = [stop];
  else if (Array.isArray(stop)) out['stop_sequences'] = stop;
  else losses.refuse('stop', 'it has to be a string or an array of strings');
}

function addEffort(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const effort = losses.text(body, 'reasoning_effort');
  if (effort === null) return;
  if (effort === 'none') {
    out['thinking'] = { type: 'disabled' };
    return;
  }
  const counterpart = messagesEffort(effort);
  if (counterpart === null) losses.refuse('reasoning_effort', 'the Messages protocol has no such effort');
  out['thinking'] = { type: 'adaptive' };
  out['output_config'] = { effort: counterpart };
}

function addFormat(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const format = body['response_format'];
  const type = asObject(format)?.['type'];
  if (!isGiven(format) || type === 'text') return;
  const definition = asObject(asObject(format)?.['json_schema']);
  const schema = asObject(definition?.['schema']);
  if (type !== 'json_schema' || schema === null) {
    losses.refuse('response_format', 'the Messages protocol binds answers to a JSON schema only');
    return;
  }
  if (isGiven(definition?.['description'])) losses.drop('response_format.json_schema.description');
  const config = asObject(out['output_config']) ?? {};
  out['output_config'] = { ...config, format: { type: 'json_schema', schema } };
}

function addTier(out: JsonObject, body: JsonObject, losses: RequestLosses): void {
  const tier = body['service_tier'];
  if (tier === 'auto') out['service_tier'] = 'auto';
  else if (tier === 'default') out['service_tier'] = 'standard_only';
  else if (isGiven(tier)) losses.drop('service_tier');
}
