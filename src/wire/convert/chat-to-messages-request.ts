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
import { asNumber, asObject, asString } from './json.ts';
import { messagesEffort } from './messages-chat-terms.ts';
import { RequestNotes } from './request-notes.ts';

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

/** Fields without which the answer would be another one, unless they say what Messages does anyway. */
const REFUSED: readonly (readonly [field: string, neutral: (value: unknown) => boolean, reason: string])[] = [
  ['n', (value) => value === 1, 'the Messages protocol gives one answer'],
  ['logprobs', (value) => value === false, 'the Messages protocol has no log probabilities'],
  ['top_logprobs', (value) => value === 0, 'the Messages protocol has no log probabilities'],
  ['logit_bias', (value) => isEmpty(value), 'the Messages protocol has no bias of tokens'],
  ['frequency_penalty', (value) => value === 0, 'the Messages protocol has no penalties'],
  ['presence_penalty', (value) => value === 0, 'the Messages protocol has no penalties'],
  ['audio', () => false, 'the Messages protocol has no audio'],
  ['modalities', isTextOnly, 'the Messages protocol answers text only'],
  ['functions', isEmpty, 'functions have to be tools for the Messages protocol'],
  ['function_call', () => false, 'function_call has to be tool_choice for the Messages protocol'],
  ['web_search_options', () => false, 'this way to search the web has no counterpart in the Messages protocol'],
  ['moderation', () => false, 'the Messages protocol has no moderation'],
];

export function chatToMessagesRequest(body: JsonObject, context: RequestContext): RequestResult {
  const notes = new RequestNotes();
  notes.dropOthers(body, FIELDS, '');
  for (const [field, neutral, reason] of REFUSED) {
    if (isGiven(body[field]) && !neutral(body[field])) notes.refuse(field, reason);
  }
  const { system, messages } = toMessages(body, notes);
  const maxTokens = asNumber(body['max_completion_tokens']) ?? asNumber(body['max_tokens']);
  const out: JsonObject = { model: context.model, max_tokens: maxTokens ?? context.maxTokensDefault, messages };
  if (system.length > 0) out['system'] = system;
  addSampling(out, body, notes);
  addStops(out, body, notes);
  addMessagesTools(out, body, notes);
  addEffort(out, body, notes);
  addFormat(out, body, notes);
  const user = asString(body['safety_identifier']) ?? asString(body['user']);
  if (user !== null) out['metadata'] = { user_id: user };
  addTier(out, body, notes);
  if (context.stream) out['stream'] = true;
  const options = asObject(body['stream_options']);
  if (options !== null) notes.dropOthers(options, STREAM_FIELDS, 'stream_options.');
  return notes.result(out);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.every((modality) => modality === 'text');
}

function addSampling(out: JsonObject, body: JsonObject, notes: RequestNotes): void {
  const temperature = body['temperature'];
  if (typeof temperature === 'number' && temperature > TEMPERATURE_MAX)
    notes.refuse('temperature', `the Messages protocol takes at most ${TEMPERATURE_MAX}`);
  if (isGiven(temperature)) out['temperature'] = temperature;
  if (isGiven(body['top_p'])) out['top_p'] = body['top_p'];
}

function addStops(out: JsonObject, body: JsonObject, notes: RequestNotes): void {
  const stop = body['stop'];
  if (!isGiven(stop)) return;
  if (typeof stop === 'string') out['stop_sequences'] = [stop];
  else if (Array.isArray(stop)) out['stop_sequences'] = stop;
  else notes.refuse('stop', 'it has to be a string or an array of strings');
}

function addEffort(out: JsonObject, body: JsonObject, notes: RequestNotes): void {
  const effort = asString(body['reasoning_effort']);
  if (effort === null) return;
  if (effort === 'none') {
    out['thinking'] = { type: 'disabled' };
    return;
  }
  const counterpart = messagesEffort(effort);
  if (counterpart === null) notes.refuse('reasoning_effort', 'the Messages protocol has no such effort');
  out['thinking'] = { type: 'adaptive' };
  out['output_config'] = { effort: counterpart };
}

function addFormat(out: JsonObject, body: JsonObject, notes: RequestNotes): void {
  const format = body['response_format'];
  const type = asObject(format)?.['type'];
  if (!isGiven(format) || type === 'text') return;
  const definition = asObject(asObject(format)?.['json_schema']);
  const schema = asObject(definition?.['schema']);
  if (type !== 'json_schema' || schema === null) {
    notes.refuse('response_format', 'the Messages protocol binds answers to a JSON schema only');
    return;
  }
  if (isGiven(definition?.['description'])) notes.drop('response_format.json_schema.description');
  const config = asObject(out['output_config']) ?? {};
  out['output_config'] = { ...config, format: { type: 'json_schema', schema } };
}

function addTier(out: JsonObject, body: JsonObject, notes: RequestNotes): void {
  const tier = body['service_tier'];
  if (tier === 'auto') out['service_tier'] = 'auto';
  else if (tier === 'default') out['service_tier'] = 'standard_only';
  else if (isGiven(tier)) notes.drop('service_tier');
}
