/**
 * A Chat request as a Responses request. Pure.
 *
 *   model, stream                  → from the context
 *   messages                       → input                       (`chat-to-responses-input.ts`)
 *   tools, tool_choice             → the same, not nested; allowed_tools stays what it is
 *   web_search_options             → tool web_search
 *   response_format, verbosity     → text { format, verbosity }
 *   reasoning_effort               → reasoning.effort
 *   max_completion_tokens, max_tokens → max_output_tokens, at least 16, which is named
 *   logprobs, top_logprobs         → include message.output_text.logprobs, top_logprobs
 *   store                          → store, false where Chat leaves it out
 *   temperature, top_p, parallel_tool_calls, metadata, user, safety_identifier, prompt_cache_…, service_tier → the same
 *
 * Refused: n above 1, stop, penalties, logit_bias, audio, functions and function_call, moderation. Named as dropped: seed, which is a
 * best effort anywhere, and prediction, which makes an answer faster, not another one.
 */
import { chatInput } from './chat-to-responses-input.ts';
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';
import { OUTPUT_TOKENS_MIN } from './messages-to-responses-request.ts';
import { RequestLosses } from './request-losses.ts';

const SAME = [
  ...['temperature', 'top_p', 'parallel_tool_calls', 'metadata', 'user', 'safety_identifier', 'prompt_cache_key'],
  ...['prompt_cache_retention', 'prompt_cache_options', 'service_tier'],
];
const REFUSED = ['stop', 'frequency_penalty', 'presence_penalty', 'logit_bias', 'audio', 'functions', 'moderation'];
const READ = new Set([
  ...SAME,
  ...REFUSED,
  ...['model', 'stream', 'stream_options', 'messages', 'tools', 'tool_choice', 'web_search_options', 'response_format'],
  ...['verbosity', 'reasoning_effort', 'max_completion_tokens', 'max_tokens', 'logprobs', 'top_logprobs', 'store'],
  ...['n', 'modalities', 'function_call'],
]);

export function chatToResponsesRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  for (const field of REFUSED) losses.refuseSet(body, field, `${field} has no counterpart in Responses`);
  losses.refuseSet(body, 'function_call', 'functions of before tools have no counterpart in Responses');
  if ((losses.number(body, 'n') ?? 1) !== 1) losses.refuse('n', 'Responses gives one answer');
  if ((losses.list(body, 'modalities') ?? []).some((kind) => kind !== 'text')) {
    losses.refuse('modalities', 'Responses answers in text');
  }
  losses.dropOthers(body, READ);

  const made: JsonObject = { model: context.model, input: chatInput(body, losses) };
  if (context.stream) made['stream'] = true;
  made['store'] = losses.flag(body, 'store') ?? false;
  for (const field of SAME) if (body[field] !== undefined && body[field] !== null) made[field] = body[field];
  addTools(body, made, losses);
  addText(body, made, losses);
  addLimit(body, made, losses);
  addLogprobs(body, made, losses);
  const effort = losses.text(body, 'reasoning_effort');
  if (effort !== null) made['reasoning'] = { effort };
  const streamOptions = losses.object(body, 'stream_options');
  if (streamOptions !== null) losses.dropSet(streamOptions, ['include_obfuscation'], 'stream_options.');
  return losses.result(made);
}

function addTools(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const tools: JsonObject[] = [];
  for (const [i, value] of (losses.list(body, 'tools') ?? []).entries()) {
    const tool = toolOf(asObject(value));
    if (tool === null) losses.refuse(`tools.${i}`, 'a tool of an unknown kind');
    else tools.push(tool);
  }
  const search = losses.object(body, 'web_search_options');
  if (search !== null) tools.push(webSearch(search));
  if (tools.length === 0) return;
  made['tools'] = tools;
  const choice = body['tool_choice'];
  if (choice === undefined || choice === null) return;
  made['tool_choice'] = choiceOf(choice, losses);
}

function toolOf(tool: JsonObject | null): JsonObject | null {
  const fn = asObject(tool?.['function']);
  if (tool?.['type'] === 'function' && fn !== null) {
    // Left out, `strict` means true to Responses and false to Chat.
    const made: JsonObject = { type: 'function', name: fn['name'], parameters: fn['parameters'] ?? null };
    if (fn['description'] !== undefined) made['description'] = fn['description'];
    made['strict'] = fn['strict'] === true;
    return made;
  }
  const custom = asObject(tool?.['custom']);
  if (tool?.['type'] !== 'custom' || custom === null) return null;
  const made: JsonObject = { type: 'custom', name: custom['name'] };
  if (custom['description'] !== undefined) made['description'] = custom['description'];
  const format = asObject(custom['format']);
  if (format !== null) made['format'] = { type: format['type'], ...asObject(format['grammar']) };
  return made;
}

function webSearch(options: JsonObject): JsonObject {
  const made: JsonObject = { type: 'web_search' };
  const size = asString(options['search_context_size']);
  if (size !== null) made['search_context_size'] = size;
  const location = asObject(asObject(options['user_location'])?.['approximate']);
  if (location !== null) made['user_location'] = { type: 'approximate', ...location };
  return made;
}

function choiceOf(choice: unknown, losses: RequestLosses): unknown {
  if (typeof choice === 'string') return choice;
  const named = asObject(choice);
  const allowed = asObject(named?.['allowed_tools']);
  if (named?.['type'] === 'allowed_tools' && allowed !== null) {
    const tools = (asArray(allowed['tools']) ?? []).map((tool) => namedTool(asObject(tool)) ?? tool);
    return { type: 'allowed_tools', mode: allowed['mode'], tools };
  }
  const tool = namedTool(named);
  if (tool === null) losses.refuse('tool_choice', 'an unknown kind of choice');
  return tool;
}

/** { type, function: { name } } → { type, name }, and so for custom tools. */
function namedTool(choice: JsonObject | null): JsonObject | null {
  const type = asString(choice?.['type']) ?? '';
  const name = asString(asObject(choice?.[type])?.['name']);
  return (type === 'function' || type === 'custom') && name !== null ? { type, name } : null;
}

function addText(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const text: JsonObject = {};
  const format = losses.object(body, 'response_format');
  if (format !== null) {
    const schema = asObject(format['json_schema']);
    text['format'] = schema === null ? { type: format['type'] } : { type: 'json_schema', ...schema };
  }
  const verbosity = losses.text(body, 'verbosity');
  if (verbosity !== null) text['verbosity'] = verbosity;
  if (Object.keys(text).length > 0) made['text'] = text;
}

function addLimit(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const field = asNumber(body['max_completion_tokens']) !== null ? 'max_completion_tokens' : 'max_tokens';
  const limit = losses.number(body, 'max_completion_tokens') ?? losses.number(body, 'max_tokens');
  if (limit === null) return;
  if (limit < OUTPUT_TOKENS_MIN) losses.drop(field);
  made['max_output_tokens'] = Math.max(limit, OUTPUT_TOKENS_MIN);
}

function addLogprobs(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const top = losses.number(body, 'top_logprobs');
  if (losses.flag(body, 'logprobs') !== true) return;
  made['include'] = ['message.output_text.logprobs'];
  if (top !== null) made['top_logprobs'] = top;
}
