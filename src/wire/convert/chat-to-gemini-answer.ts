/**
 * A JSON answer of a Chat upstream for a Gemini client. Pure.
 *
 *   choices[0].message              → candidates[0].content.parts
 *   reasoning_content, reasoning    → { text, thought: true }
 *   content, refusal                → { text }
 *   tool_calls[]                    → { functionCall: { id, name, args } }     the first one signed; whose arguments are no JSON object: left out, and the
 *                                                                              answer ends with MALFORMED_FUNCTION_CALL
 *   finish_reason                   → finishReason (`gemini-endings.ts`)
 *   usage                           → usageMetadata
 */
import type { AnswerContext, JsonObject } from './crossing.ts';
import { callArguments, geminiResponse } from './gemini-chunk.ts';
import { finishReasonOfChat, MALFORMED_CALL } from './gemini-endings.ts';
import { signFirstCall } from './gemini-signatures.ts';
import { usageOfChat } from './gemini-usage.ts';
import { asArray, asObject, asString } from './json.ts';

export function chatToGeminiAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const choice = asObject(asArray(body['choices'])?.[0]) ?? {};
  const message = asObject(choice['message']) ?? {};
  const parts: JsonObject[] = [];
  const thought = reasoningOf(message);
  if (thought !== '') parts.push({ text: thought, thought: true });
  for (const text of [contentText(message['content']), asString(message['refusal']) ?? '']) {
    if (text !== '') parts.push({ text });
  }
  let malformed = false;
  for (const each of asArray(message['tool_calls']) ?? []) {
    const call = asObject(each) ?? {};
    const part = callPart(asString(call['id']), asObject(call['function']) ?? {});
    if (part === null) malformed = true;
    else parts.push(part);
  }
  signFirstCall(parts);
  const reason = finishReasonOfChat(choice['finish_reason']);
  const ending = {
    finishReason: malformed && reason === 'STOP' ? MALFORMED_CALL : reason,
    usage: usageOfChat(asObject(body['usage']) ?? {}),
  };
  return geminiResponse(parts, ending, asString(body['id']) ?? '', context);
}

/** What was thought, in a message or a delta, under either name that upstreams use; '' where nothing was. */
export function reasoningOf(message: JsonObject): string {
  return asString(message['reasoning_content']) ?? asString(message['reasoning']) ?? '';
}

function contentText(content: unknown): string {
  const text = asString(content);
  if (text !== null) return text;
  let joined = '';
  for (const part of asArray(content) ?? []) joined += asString(asObject(part)?.['text']) ?? '';
  return joined;
}

/** `called`: name and arguments. Null: the arguments are no JSON object. */
export function callPart(id: string | null, called: JsonObject): JsonObject | null {
  const args = callArguments(asString(called['arguments']) ?? '');
  if (args === null) return null;
  const name = asString(called['name']) ?? '';
  return { functionCall: id === null || id === '' ? { name, args } : { id, name, args } };
}
