/**
 * Why an answer ended, in Gemini, Messages and Chat. Pure.
 *
 *   Gemini finishReason                                Messages stop_reason        Chat finish_reason
 *   STOP                                               end_turn, tool_use          stop, tool_calls          by whether a tool was called
 *   MAX_TOKENS                                         max_tokens                  length
 *   SAFETY RECITATION LANGUAGE BLOCKLIST SPII
 *   PROHIBITED_CONTENT IMAGE_* MODEL_ARMOR JAILBREAK   refusal                     content_filter
 *   MALFORMED_FUNCTION_CALL OTHER and what is unknown  end_turn, tool_use          stop, tool_calls
 *   (none)                                             null: has not ended         null
 *
 * and back: stop_sequence and pause_turn are STOP, model_context_window_exceeded is MAX_TOKENS, refusal and content_filter are
 * SAFETY; what is unknown is OTHER. A blocked prompt (`promptFeedback.blockReason`) ends like a filtered answer.
 *
 * Source: ai.google.dev/api/generate-content#FinishReason.
 */
import type { JsonObject } from './crossing.ts';
import { asFields } from './gemini-fields.ts';
import { asArray, asString } from './json.ts';

const FILTERED: ReadonlySet<string> = new Set([
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
  'MODEL_ARMOR',
  'JAILBREAK',
]);
const UNSPECIFIED = 'FINISH_REASON_UNSPECIFIED';

/** How far an answer has got: its finishReason, SAFETY for a blocked prompt, or null while it goes on. */
export function finishReasonOf(chunk: JsonObject): string | null {
  const reason = asString(firstCandidate(chunk)?.['finishReason']);
  if (isFinishReason(reason)) return reason;
  return blockReasonOf(chunk) === null ? null : 'SAFETY';
}

/** Whether it says that a candidate has finished: the default value of Google's enumeration, and nothing, do not. */
export function isFinishReason(reason: unknown): reason is string {
  return typeof reason === 'string' && reason !== '' && reason !== UNSPECIFIED;
}

/** Why the prompt was refused, as the upstream names it; null: it was not. */
export function blockReasonOf(chunk: JsonObject): string | null {
  return asString(asFields(chunk['promptFeedback'])?.['blockReason']);
}

/** The one candidate; more are never asked for. */
export function firstCandidate(chunk: JsonObject): JsonObject | null {
  return asFields(asArray(chunk['candidates'])?.[0]);
}

export function messagesStopReason(finishReason: string | null, calledTool: boolean): string | null {
  if (finishReason === null) return null;
  if (finishReason === 'MAX_TOKENS') return 'max_tokens';
  if (FILTERED.has(finishReason)) return 'refusal';
  return calledTool ? 'tool_use' : 'end_turn';
}

export function chatFinishReason(finishReason: string | null, calledTool: boolean): string | null {
  if (finishReason === null) return null;
  if (finishReason === 'MAX_TOKENS') return 'length';
  if (FILTERED.has(finishReason)) return 'content_filter';
  return calledTool ? 'tool_calls' : 'stop';
}

const OF_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['end_turn', 'STOP'],
  ['stop_sequence', 'STOP'],
  ['tool_use', 'STOP'],
  ['pause_turn', 'STOP'],
  ['max_tokens', 'MAX_TOKENS'],
  ['model_context_window_exceeded', 'MAX_TOKENS'],
  ['refusal', 'SAFETY'],
]);

const OF_CHAT: ReadonlyMap<string, string> = new Map([
  ['stop', 'STOP'],
  ['tool_calls', 'STOP'],
  ['function_call', 'STOP'],
  ['length', 'MAX_TOKENS'],
  ['content_filter', 'SAFETY'],
]);

/** A call whose arguments are no JSON object is left out of the answer; the client is told by this. */
export const MALFORMED_CALL = 'MALFORMED_FUNCTION_CALL';

export function finishReasonOfMessages(stopReason: unknown): string | null {
  const reason = asString(stopReason);
  return reason === null ? null : (OF_MESSAGES.get(reason) ?? 'OTHER');
}

/** Some upstreams write `STOP`. */
export function finishReasonOfChat(finishReason: unknown): string | null {
  const reason = asString(finishReason);
  return reason === null ? null : (OF_CHAT.get(reason.toLowerCase()) ?? 'OTHER');
}
