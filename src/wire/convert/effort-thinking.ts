/**
 * How much a model is to think: effort in the OpenAI protocols, `thinking` and `output_config.effort` in Messages. Pure.
 *
 *   effort   none | minimal | low | medium | high | xhigh | max
 *   Messages thinking { type: "adaptive" } and output_config.effort low | medium | high | xhigh | max; minimal becomes low
 *            thinking { type: "enabled", budget_tokens } for models that know no adaptive thinking (below 4.6)
 *            thinking { type: "disabled" } for none
 *
 * Source: platform.claude.com/docs/en/build-with-claude/thinking.
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asCount, asObject, asString } from './json.ts';

const LOW_BUDGET_TOKENS = 4_096;
const MEDIUM_BUDGET_TOKENS = 16_384;

/** Effort → tokens of thinking, for models that take a budget. */
const BUDGETS: readonly (readonly [effort: string, tokens: number])[] = [
  ['minimal', 1_024],
  ['low', LOW_BUDGET_TOKENS],
  ['medium', MEDIUM_BUDGET_TOKENS],
  ['high', 32_768],
  ['xhigh', 49_152],
  ['max', 65_536],
];
const BUDGET_MIN = 1_024;

/** Claude 3 to 4.5 take a budget; whatever else there is takes effort. */
const TAKES_BUDGET = /^claude-(?:3|2|instant|(?:opus|sonnet|haiku)-4(?:-[015])?(?:-20\d{6}|-latest)?$)/;

export interface ThinkingFields {
  readonly thinking: JsonObject;
  /** For `output_config`; null: the budget says it. */
  readonly effort: string | null;
}

/**
 * The effort that an OpenAI client wants, for a Messages upstream. Null: the protocol does not know this effort. A budget leaves room
 * for an answer within `maxTokens`; where there is none, thinking stays off.
 */
export function thinkingOfEffort(
  effort: string,
  model: string,
  maxTokens: number,
  wantsSummary: boolean,
): ThinkingFields | null {
  if (effort === 'none') return { thinking: { type: 'disabled' }, effort: null };
  const level = BUDGETS.find(([name]) => name === effort);
  if (level === undefined) return null;
  const display = wantsSummary ? { display: 'summarized' } : {};
  if (!TAKES_BUDGET.test(model)) {
    return { thinking: { type: 'adaptive', ...display }, effort: effort === 'minimal' ? 'low' : effort };
  }
  const budget = Math.min(level[1], Math.floor(maxTokens / 2));
  if (budget < BUDGET_MIN) return { thinking: { type: 'disabled' }, effort: null };
  return { thinking: { type: 'enabled', budget_tokens: budget, ...display }, effort: null };
}

/**
 * What a Messages client wants, as effort; null: no wish. Thinking that is switched off is none; then the latest word in the conversation
 * counts, then `output_config`, then a budget.
 */
export function effortOfThinking(body: JsonObject): string | null {
  const thinking = asObject(body['thinking']);
  if (thinking?.['type'] === 'disabled') return 'none';
  const given = latestEffort(body) ?? effortIn(body);
  if (given !== null || thinking?.['type'] !== 'enabled') return given;
  const budget = asCount(thinking['budget_tokens']);
  if (budget <= LOW_BUDGET_TOKENS) return 'low';
  return budget <= MEDIUM_BUDGET_TOKENS ? 'medium' : 'high';
}

/** Messages within a conversation can say how hard to think from there on. */
function latestEffort(body: JsonObject): string | null {
  const messages = asArray(body['messages']) ?? [];
  for (let i = messages.length - 1; i >= 0; i--) {
    const effort = effortIn(asObject(messages[i]));
    if (effort !== null) return effort;
  }
  return null;
}

function effortIn(holder: JsonObject | null): string | null {
  return asString(asObject(holder?.['output_config'])?.['effort']);
}

/** Whether a Messages client wants to read what was thought. */
export function wantsThinkingText(body: JsonObject): boolean {
  const thinking = asObject(body['thinking']);
  const thinks = thinking?.['type'] === 'enabled' || thinking?.['type'] === 'adaptive';
  return thinks && thinking['display'] !== 'omitted';
}

/**
 * The last turn of the assistant in a Messages history called tools, and what was thought before it has been lost: models that think within
 * a budget refuse to go on so.
 */
export function callsWithoutThinking(messages: readonly unknown[]): boolean {
  const last = messages.findLast((message) => asObject(message)?.['role'] === 'assistant');
  const content = asArray(asObject(last)?.['content']) ?? [];
  const type = asObject(content[0])?.['type'];
  const calls = content.some((block) => asObject(block)?.['type'] === 'tool_use');
  return calls && type !== 'thinking' && type !== 'redacted_thinking';
}
