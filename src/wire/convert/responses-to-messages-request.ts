/**
 * A Responses request as a Messages request. Pure.
 *
 *   model, stream                          from the context
 *   instructions, input                    → system, messages              (`responses-to-messages-input.ts`)
 *   tools, tool_choice, parallel_tool_calls → tools, tool_choice           (`responses-to-messages-tools.ts`)
 *   reasoning { effort, summary }          → thinking, output_config.effort (`effort-thinking.ts`)
 *   text.format json_schema                → output_config.format
 *   max_output_tokens                      → max_tokens, which Messages wants in any case
 *   temperature (to 1), top_p              → the same
 *   safety_identifier or user              → metadata.user_id
 *   service_tier auto | priority, default  → auto, standard_only
 *
 * Refused: what needs an upstream that remembers (previous_response_id, conversation, prompt, store: true, background), and what would
 * change the answer (JSON without a schema, log probabilities, other tiers, context_management, moderation).
 */
import type { JsonObject, RequestContext, RequestResult } from './crossing.ts';
import { callsWithoutThinking, thinkingOfEffort } from './effort-thinking.ts';
import { asObject, asString } from './json.ts';
import { RequestLosses } from './request-losses.ts';
import { refuseState } from './responses-state.ts';
import { conversationOf, endsWithAssistant } from './responses-to-messages-input.ts';
import { messagesTools } from './responses-to-messages-tools.ts';

/** Fields that are served, refused, or mean nothing on HTTP; every other one is named as dropped. */
const READ = new Set([
  ...['model', 'stream', 'type', 'instructions', 'input', 'tools', 'tool_choice', 'parallel_tool_calls', 'reasoning'],
  ...['text', 'max_output_tokens', 'temperature', 'top_p', 'safety_identifier', 'user', 'service_tier', 'store'],
  ...['include', 'previous_response_id', 'conversation', 'prompt', 'background', 'top_logprobs', 'max_tool_calls'],
  ...['context_management', 'moderation', 'truncation', 'generate'],
]);

/** What may be included: served, or about items that never occur here. */
const INCLUDES_SERVED = new Set(['reasoning.encrypted_content', 'web_search_call.action.sources']);

export function responsesToMessagesRequest(body: JsonObject, context: RequestContext): RequestResult {
  const losses = new RequestLosses();
  refuseState(body, losses);
  losses.refuseSet(body, 'context_management', 'context management has no counterpart in Messages');
  losses.refuseSet(body, 'moderation', 'moderation has no counterpart in Messages');
  losses.refuseSet(body, 'top_logprobs', 'Messages tells no log probabilities');
  losses.dropOthers(body, READ);
  if (body['truncation'] === 'auto') losses.drop('truncation');
  checkIncludes(body, losses);

  const conversation = conversationOf(body, losses);
  if (endsWithAssistant(conversation))
    losses.refuse('input', 'Messages would continue the last message, not answer it');
  const maxTokens = losses.number(body, 'max_output_tokens') ?? context.maxTokensDefault;
  const made: JsonObject = { model: context.model, max_tokens: maxTokens, messages: conversation.messages };
  if (conversation.system.length > 0) made['system'] = conversation.system;
  if (context.stream) made['stream'] = true;

  const { tools, choice, forced } = messagesTools(body, losses);
  if (tools.length > 0) made['tools'] = tools;
  if (choice !== null) made['tool_choice'] = choice;
  if (!tools.some((tool) => tool['type'] === 'web_search_20250305')) losses.dropSet(body, ['max_tool_calls']);

  const outputConfig: JsonObject = {};
  addThinking(body, made, outputConfig, { model: context.model, maxTokens, forced, losses });
  addFormat(body, outputConfig, losses);
  if (Object.keys(outputConfig).length > 0) made['output_config'] = outputConfig;
  addSampling(body, made, losses);
  addTier(body, made, losses);
  const user = asString(body['safety_identifier']) ?? asString(body['user']);
  if (user !== null) made['metadata'] = { user_id: user };
  return losses.result(made);
}

function checkIncludes(body: JsonObject, losses: RequestLosses): void {
  const includes = losses.list(body, 'include') ?? [];
  for (let i = 0; i < includes.length; i++) {
    const include = asString(includes[i]) ?? '';
    if (include === 'message.output_text.logprobs')
      losses.refuse(`include.${i}`, 'Messages tells no log probabilities');
    else if (!INCLUDES_SERVED.has(include)) losses.drop(`include.${include}`);
  }
}

interface ThinkingOptions {
  readonly model: string;
  readonly maxTokens: number;
  readonly forced: boolean;
  readonly losses: RequestLosses;
}

function addThinking(body: JsonObject, made: JsonObject, outputConfig: JsonObject, options: ThinkingOptions): void {
  const { losses } = options;
  const reasoning = losses.object(body, 'reasoning');
  if (reasoning === null) return;
  losses.dropOthers(reasoning, new Set(['effort', 'summary', 'generate_summary']), 'reasoning.');
  const summary = asString(reasoning['summary']) ?? asString(reasoning['generate_summary']);
  const effort = losses.text(reasoning, 'effort', 'reasoning.');
  if (effort === null) {
    // Without an effort it is the model that decides whether it thinks at all, so there may be nothing to sum up.
    if (summary !== null) losses.drop('reasoning.summary');
    return;
  }
  const fields = thinkingOfEffort(effort, options.model, options.maxTokens, summary !== null);
  if (fields === null) return losses.refuse('reasoning.effort', `effort ${effort} has no counterpart in Messages`);
  const budgeted = fields.thinking['type'] === 'enabled';
  const mayNotThink = options.forced || (budgeted && callsWithoutThinking(made['messages'] as JsonObject[]));
  if (mayNotThink && effort !== 'none') return losses.drop('reasoning.effort');
  made['thinking'] = fields.thinking;
  if (fields.effort !== null) outputConfig['effort'] = fields.effort;
}

function addFormat(body: JsonObject, outputConfig: JsonObject, losses: RequestLosses): void {
  const text = losses.object(body, 'text');
  if (text === null) return;
  losses.dropOthers(text, new Set(['format']), 'text.');
  const format = losses.object(text, 'format', 'text.');
  const type = asString(format?.['type']) ?? 'text';
  if (format === null || type === 'text') return;
  const schema = asObject(format['schema']);
  if (type !== 'json_schema' || schema === null) {
    return losses.refuse('text.format', 'Messages writes JSON by a schema only');
  }
  losses.dropSet(format, ['name', 'description'], 'text.format.');
  outputConfig['format'] = { type: 'json_schema', schema };
}

function addSampling(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const temperature = losses.number(body, 'temperature');
  if (temperature !== null && temperature > 1) losses.refuse('temperature', 'temperatures in Messages end at 1');
  if (temperature !== null) made['temperature'] = temperature;
  const topP = losses.number(body, 'top_p');
  if (topP !== null) made['top_p'] = topP;
}

function addTier(body: JsonObject, made: JsonObject, losses: RequestLosses): void {
  const tier = losses.text(body, 'service_tier');
  if (tier === null) return;
  if (tier === 'auto' || tier === 'priority') made['service_tier'] = 'auto';
  else if (tier === 'default') made['service_tier'] = 'standard_only';
  else losses.refuse('service_tier', `the tier ${tier} has no counterpart in Messages`);
}
