/**
 * A Responses request as a Chat request. Pure.
 *
 *   model, stream                     from the context; a stream always asks for its usage
 *   instructions, input               → messages                          (`responses-to-chat-input.ts`)
 *   tools function | custom | namespace → tools, under travelling names   (`responses-tools.ts`, `tool-names.ts`)
 *   tool_choice, allowed_tools        → the same, nested as Chat nests them
 *   text { format, verbosity }        → response_format, verbosity
 *   reasoning.effort                  → reasoning_effort; a summary is named as dropped: Chat cannot ask for one
 *   max_output_tokens                 → max_completion_tokens
 *   include message.output_text.logprobs, top_logprobs → logprobs, top_logprobs
 *   temperature, top_p, parallel_tool_calls, user, safety_identifier, prompt_cache_…, service_tier → the same
 *
 * Refused: what needs an upstream that remembers (`responses-state.ts`), hosted tools (but `responses-tools.ts` on web_search),
 * context_management, moderation.
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { asArray, asObject, asString } from './json.ts';
import { RequestLosses } from './request-losses.ts';
import { refuseState } from './responses-state.ts';
import { CHAT_TOOL_RULES, chatMessages } from './responses-to-chat-input.ts';
import { collectTools, type ResponsesTool } from './responses-tools.ts';

const SAME = [
  ...['temperature', 'top_p', 'user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
  ...['prompt_cache_options', 'service_tier'],
];
const READ = new Set([
  ...SAME,
  ...['model', 'stream', 'type', 'instructions', 'input', 'tools', 'tool_choice', 'parallel_tool_calls', 'text'],
  ...['reasoning', 'max_output_tokens', 'include', 'top_logprobs', 'store', 'previous_response_id', 'conversation'],
  ...['prompt', 'background', 'context_management', 'moderation', 'truncation', 'generate'],
]);
const LOGPROBS = 'message.output_text.logprobs';

export function responsesToChatRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  refuseState(body, losses);
  losses.refuseSet(body, 'context_management', 'context management has no counterpart in Chat');
  losses.refuseSet(body, 'moderation', 'moderation of Responses has no counterpart in Chat');
  losses.dropOthers(body, READ);
  if (body['truncation'] === 'auto') losses.drop('truncation');

  const made: JsonObject = { model: context.model, messages: chatMessages(body, losses) };
  if (context.stream) {
    made['stream'] = true;
    made['stream_options'] = { include_usage: true };
  }
  for (const field of SAME) if (body[field] !== undefined && body[field] !== null) made[field] = body[field];
  addTools(body, made, losses);
  addText(body, made, losses);
  addReasoning(body, made, losses);
  const limit = losses.number(body, 'max_output_tokens');
  if (limit !== null) made['max_completion_tokens'] = limit;
  addLogprobs(body, made, losses);
  return losses.result(made);
}

function addTools(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const collected = collectTools(body, CHAT_TOOL_RULES, losses);
  const tools: JsonObject[] = [];
  for (const tool of collected) {
    if (tool.kind === 'web_search') losses.refuse(tool.path, 'Chat has no web search that a model may choose');
    else tools.push(tool.kind === 'custom' ? customTool(tool) : functionTool(tool));
  }
  if (tools.length === 0) return;
  made['tools'] = tools;
  const parallel = losses.flag(body, 'parallel_tool_calls');
  if (parallel !== null) made['parallel_tool_calls'] = parallel;
  const choice = body['tool_choice'];
  if (choice !== undefined && choice !== null) made['tool_choice'] = choiceOf(choice, collected, losses);
}

function functionTool({ tool, travelling }: ResponsesTool): JsonObject {
  const made: JsonObject = { name: travelling };
  if (asString(tool['description']) !== null) made['description'] = tool['description'];
  made['parameters'] = asObject(tool['parameters']) ?? { type: 'object', properties: {} };
  // Left out, Responses is strict where the schema allows it; Chat would refuse one that does not.
  if (tool['strict'] === true) made['strict'] = true;
  return { type: 'function', function: made };
}

function customTool({ tool, travelling }: ResponsesTool): JsonObject {
  const made: JsonObject = { name: travelling };
  if (asString(tool['description']) !== null) made['description'] = tool['description'];
  const format = asObject(tool['format']);
  if (format?.['type'] === 'grammar') {
    made['format'] = { type: 'grammar', grammar: { syntax: format['syntax'], definition: format['definition'] } };
  } else if (format !== null) made['format'] = { type: format['type'] };
  return { type: 'custom', custom: made };
}

function choiceOf(choice: unknown, tools: readonly ResponsesTool[], losses: RequestLosses): unknown {
  if (typeof choice === 'string') return choice;
  const named = asObject(choice);
  if (named?.['type'] !== 'allowed_tools') return namedTool(named, tools, 'tool_choice', losses);
  const allowed = (asArray(named['tools']) ?? []).map((tool, i) =>
    namedTool(asObject(tool), tools, `tool_choice.tools.${i}`, losses),
  );
  return { type: 'allowed_tools', allowed_tools: { mode: named['mode'], tools: allowed } };
}

/** { type, name } → { type, function: { name } }, and so for custom tools. */
function namedTool(
  named: JsonObject | null,
  tools: readonly ResponsesTool[],
  path: string,
  losses: RequestLosses,
): JsonObject | null {
  const tool = tools.find(({ kind, name }) => kind === named?.['type'] && name === named['name']);
  if (tool !== undefined) return { type: tool.kind, [tool.kind]: { name: tool.travelling } };
  losses.refuse(path, 'this names no tool that the request has');
  return null;
}

function addText(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const text = losses.object(body, 'text');
  if (text === null) return;
  losses.dropOthers(text, new Set(['format', 'verbosity']), 'text.');
  const verbosity = losses.text(text, 'verbosity', 'text.');
  if (verbosity !== null) made['verbosity'] = verbosity;
  const format = losses.object(text, 'format', 'text.');
  if (format === null || format['type'] === 'text') return;
  const { type, ...schema } = format;
  made['response_format'] = type === 'json_schema' ? { type, json_schema: schema } : { type };
}

function addReasoning(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const reasoning = losses.object(body, 'reasoning');
  if (reasoning === null) return;
  losses.dropOthers(reasoning, new Set(['effort']), 'reasoning.');
  const effort = losses.text(reasoning, 'effort', 'reasoning.');
  if (effort !== null) made['reasoning_effort'] = effort;
}

function addLogprobs(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const includes = losses.list(body, 'include') ?? [];
  for (const include of includes) if (include !== LOGPROBS) losses.drop(`include.${asString(include) ?? ''}`);
  const top = losses.number(body, 'top_logprobs');
  if (!includes.includes(LOGPROBS) && (top ?? 0) === 0) return;
  made['logprobs'] = true;
  if (top !== null) made['top_logprobs'] = top;
}
