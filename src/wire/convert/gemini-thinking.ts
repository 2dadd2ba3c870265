/**
 * How much a model is to think: `thinkingConfig` in Gemini, `thinking` and `output_config.effort` in Messages, `reasoning_effort` in
 * Chat. Pure.
 *
 *   Gemini   { thinkingLevel: MINIMAL | LOW | MEDIUM | HIGH, includeThoughts }      Gemini 3 and later
 *            { thinkingBudget: 0 off | -1 as the model likes | tokens, includeThoughts }   all; Gemini 2 knows nothing else
 *   Messages { type: "adaptive", display } and effort                               Claude 4.6 and later
 *            { type: "enabled", budget_tokens } | { type: "disabled" }              budget at least 1024 and below max_tokens
 *   Chat     none | minimal | low | medium | high | xhigh | max
 *
 * Sources: ai.google.dev/gemini-api/docs/thinking, ai.google.dev/gemini-api/docs/openai#thinking (the budgets of an effort),
 * platform.claude.com/docs/en/build-with-claude/extended-thinking.
 */
import type { JsonObject } from './crossing.ts';
import { asFields, isEarlyGemini } from './gemini-fields.ts';
import { asBoolean, asNumber, asObject, asString } from './json.ts';

interface Effort {
  readonly name: string;
  readonly budget: number;
  readonly level: string;
}

/** Ascending; a budget belongs to the first that is not below it. */
// biome-ignore format: one row a line reads as the table it is
const EFFORTS: readonly Effort[] = [
  { name: 'none', budget: 0, level: 'MINIMAL' },
  { name: 'minimal', budget: 512, level: 'MINIMAL' },
  { name: 'low', budget: 1_024, level: 'LOW' },
  { name: 'medium', budget: 8_192, level: 'MEDIUM' },
  { name: 'high', budget: 24_576, level: 'HIGH' },
  { name: 'xhigh', budget: 24_576, level: 'HIGH' },
  { name: 'max', budget: 24_576, level: 'HIGH' },
];
const MESSAGES_BUDGET_MIN = 1_024;
/** The least that the larger Gemini 2 models think. */
const PRO_BUDGET_MIN = 128;

const TAKES_BUDGET = /claude-(?:[23]\b|instant|[a-z]+-4(?:-[0-5])?(?:-20\d{6}|-latest)?$)/;

export function isEffort(effort: string): boolean {
  return EFFORTS.some(({ name }) => name === effort);
}

/** For a Gemini upstream; `effort` is one of the known ones. */
export function thinkingConfigOfEffort(effort: string, model: string): JsonObject {
  const { budget, level } = EFFORTS.find(({ name }) => name === effort)!;
  const isPro = /-pro\b/.test(model);
  if (isEarlyGemini(model)) return { thinkingBudget: isPro ? Math.max(budget, PRO_BUDGET_MIN) : budget };
  return { thinkingLevel: isPro && level === 'MINIMAL' ? 'LOW' : level };
}

/** What a Messages client wants, for a Gemini upstream; null: it did not say. */
export function thinkingConfigOfMessages(body: JsonObject, model: string): JsonObject | null {
  const thinking = asObject(body['thinking']);
  const given = asString(asObject(body['output_config'])?.['effort']);
  const effort = given !== null && isEffort(given) ? given : null;
  const type = thinking?.['type'];
  if (type === 'disabled') return thinkingConfigOfEffort('none', model);
  const includeThoughts = type !== undefined && thinking?.['display'] !== 'omitted';
  const shown = includeThoughts ? { includeThoughts } : {};
  const budget = asNumber(thinking?.['budget_tokens']);
  if (type === 'enabled' && budget !== null) return { thinkingBudget: budget, ...shown };
  if (effort !== null) return { ...thinkingConfigOfEffort(effort, model), ...shown };
  return includeThoughts ? shown : null;
}

/** What a Gemini client wants, as effort; 'dynamic': as the model likes; null: it did not say. */
function effortOf(config: JsonObject): string | null {
  const level = asString(config['thinkingLevel'])?.toLowerCase() ?? '';
  if (isEffort(level)) return level;
  const budget = asNumber(config['thinkingBudget']);
  if (budget === null) return asBoolean(config['includeThoughts']) === true ? 'dynamic' : null;
  if (budget < 0) return 'dynamic';
  return EFFORTS.find((each) => budget <= each.budget)?.name ?? 'high';
}

/** For a Chat upstream; null: nothing to say. */
export function chatEffort(thinkingConfig: unknown): string | null {
  const effort = effortOf(asFields(thinkingConfig) ?? {});
  return effort === 'dynamic' ? null : effort;
}

export interface MessagesThinking {
  /** Null: nothing to say. */
  readonly thinking: JsonObject | null;
  /** For `output_config`; null: `thinking` says all. */
  readonly effort: string | null;
}

/** For a Messages upstream. Where no budget has room below `maxTokens`, there is none. */
export function messagesThinking(thinkingConfig: unknown, model: string, maxTokens: number): MessagesThinking {
  const config = asFields(thinkingConfig) ?? {};
  const effort = effortOf(config);
  if (effort === null) return { thinking: null, effort: null };
  if (effort === 'none') return { thinking: { type: 'disabled' }, effort: null };
  if (TAKES_BUDGET.test(model)) return { thinking: enabled(config, effort, maxTokens), effort: null };
  const display = asBoolean(config['includeThoughts']) === true ? 'summarized' : 'omitted';
  const said = effort === 'dynamic' ? null : effort === 'minimal' ? 'low' : effort;
  return { thinking: { type: 'adaptive', display }, effort: said };
}

function enabled(config: JsonObject, effort: string, maxTokens: number): JsonObject | null {
  const asked = asNumber(config['thinkingBudget']) ?? -1;
  const ofEffort = EFFORTS.find(({ name }) => name === (effort === 'dynamic' ? 'medium' : effort))!.budget;
  const budget = Math.max(asked > 0 ? asked : ofEffort, MESSAGES_BUDGET_MIN);
  if (maxTokens <= MESSAGES_BUDGET_MIN) return null;
  return { type: 'enabled', budget_tokens: Math.min(budget, maxTokens - 1) };
}
