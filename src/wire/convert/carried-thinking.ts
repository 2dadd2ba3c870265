/**
 * Signed thinking of a Messages upstream on its way through a Responses client and back: its signature travels as the reasoning item's
 * `encrypted_content`, its text as the summary. Messages wants the thinking before a tool's call back, unchanged. Pure.
 *
 *   encrypted_content = "penstock-messages-thinking:" signature | "penstock-messages-redacted:" data
 *
 * What does not begin so was encrypted by somebody else, and nobody here can open it.
 */
import { CARRIED_MARK } from './carried-mark.ts';
import type { JsonObject } from './crossing.ts';
import { asArray, asObject, asString } from './json.ts';

/**
 * Reasoning that a Chat upstream wrote in the open (`reasoning_content`): the mark says that this upstream takes it back, which those that
 * write it want within a turn and those that never did refuse.
 */
export const CHAT_REASONING = `${CARRIED_MARK}chat-reasoning`;

/** Of thinking for a Messages client that nobody signed: there is none without a signature. */
export const UNSIGNED = `${CARRIED_MARK}unsigned`;

export function isUnsigned(signature: string): boolean {
  return signature === '' || signature === UNSIGNED;
}

const THINKING = `${CARRIED_MARK}messages-thinking:`;
const REDACTED = `${CARRIED_MARK}messages-redacted:`;

/** For a block of `thinking` or `redacted_thinking`; null: it is not signed. */
export function carriedThinking(block: JsonObject): string | null {
  if (block['type'] === 'redacted_thinking') return REDACTED + (asString(block['data']) ?? '');
  const signature = asString(block['signature']) ?? '';
  return isUnsigned(signature) ? null : THINKING + signature;
}

/** The block that a reasoning item carries; null: none of ours. */
export function thinkingBlock(item: JsonObject): JsonObject | null {
  const carried = asString(item['encrypted_content']) ?? '';
  if (carried.startsWith(REDACTED)) return { type: 'redacted_thinking', data: carried.slice(REDACTED.length) };
  if (!carried.startsWith(THINKING)) return null;
  return { type: 'thinking', thinking: summaryText(item), signature: carried.slice(THINKING.length) };
}

/** What a reasoning item says: its summary, or, where models show their reasoning itself, that. */
export function summaryText(item: JsonObject): string {
  return joined(item['summary']) || joined(item['content']);
}

function joined(parts: unknown): string {
  const texts: string[] = [];
  for (const part of asArray(parts) ?? []) texts.push(asString(asObject(part)?.['text']) ?? '');
  return texts.join('\n\n');
}
