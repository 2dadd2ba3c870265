/**
 * A history that a crossing has answered, for an upstream of the client's own protocol: the thinking that carries our mark (`carried-mark.ts`)
 * is taken out and named, because such an upstream refuses signatures that it did not make. Pure; changes the body that it is given.
 *
 *   Messages   thinking blocks; a message that had nothing else goes with them. `thinking: enabled` wants a turn that calls tools to begin
 *              with thinking: where that was taken out of the last turn, this request does without thinking
 *   Responses  reasoning items
 *   Gemini     thought parts; a content that had nothing else goes with them
 */
import { CARRIED_MARK, CARRIED_MARK_BASE64 } from './carried-mark.ts';
import type { JsonObject } from './crossing.ts';
import { callsWithoutThinking } from './effort-thinking.ts';
import { asFields } from './gemini-fields.ts';
import { signatureOf } from './gemini-signatures.ts';
import { asArray, asObject, asString } from './json.ts';

/** Names of what was left out. */
export function leaveCarried(body: JsonObject): readonly string[] {
  const dropped: string[] = [];
  if (leaveWithin(body, 'input', isCarriedItem)) dropped.push('input.reasoning');
  if (leaveInside(body, 'contents', 'parts', isCarriedPart)) dropped.push('contents.parts.thought');
  if (!leaveInside(body, 'messages', 'content', isCarriedBlock)) return dropped;
  dropped.push('messages.content.thinking');
  if (asObject(body['thinking'])?.['type'] === 'enabled' && callsWithoutThinking(asArray(body['messages'])!)) {
    body['thinking'] = { type: 'disabled' };
    dropped.push('thinking');
  }
  return dropped;
}

type Test = (element: unknown) => boolean;

/** Takes such elements out of the lists in `inner` of each element of the list in `outer`, and elements that had no others. */
function leaveInside(holder: JsonObject, outer: string, inner: string, isCarried: Test): boolean {
  let left = false;
  const kept: unknown[] = [];
  for (const each of asArray(holder[outer]) ?? []) {
    const isLess = leaveWithin(asObject(each), inner, isCarried);
    left ||= isLess;
    if (!isLess || asArray(asObject(each)![inner])!.length > 0) kept.push(each);
  }
  if (left) holder[outer] = kept;
  return left;
}

function leaveWithin(holder: JsonObject | null, field: string, isCarried: Test): boolean {
  const list = asArray(holder?.[field]);
  if (list === null || !list.some(isCarried)) return false;
  holder![field] = list.filter((element) => !isCarried(element));
  return true;
}

function isCarriedBlock(block: unknown): boolean {
  return asString(asObject(block)?.['signature'])?.startsWith(CARRIED_MARK) === true;
}

function isCarriedItem(item: unknown): boolean {
  return asString(asObject(item)?.['encrypted_content'])?.startsWith(CARRIED_MARK) === true;
}

function isCarriedPart(part: unknown): boolean {
  return signatureOf(asFields(part) ?? {}).startsWith(CARRIED_MARK_BASE64);
}
