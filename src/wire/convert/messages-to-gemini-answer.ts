/**
 * A JSON answer of a Messages upstream for a Gemini client. Pure.
 *
 *   content                       → candidates[0].content.parts
 *   text                          → { text }
 *   thinking, redacted_thinking   → { text, thought: true, thoughtSignature }       signatures as in `gemini-signatures.ts`
 *   tool_use                      → { functionCall: { id, name, args } }                      the first one signed
 *   stop_reason                   → finishReason (`gemini-endings.ts`)
 *   usage                         → usageMetadata
 *
 * Blocks of other kinds come from tools that are never asked for; they are left out, likewise citations.
 */
import { isUnsigned } from './carried-thinking.ts';
import type { AnswerContext, JsonObject } from './crossing.ts';
import { geminiResponse } from './gemini-chunk.ts';
import { finishReasonOfMessages } from './gemini-endings.ts';
import { givenArguments } from './gemini-fields.ts';
import { redactedForGemini, signFirstCall, thinkingForGemini } from './gemini-signatures.ts';
import { usageOfMessages } from './gemini-usage.ts';
import { asArray, asObject, asString } from './json.ts';

export function messagesToGeminiAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const parts: JsonObject[] = [];
  for (const each of asArray(body['content']) ?? []) {
    const part = partOf(asObject(each) ?? {});
    if (part !== null) parts.push(part);
  }
  signFirstCall(parts);
  const ending = {
    finishReason: finishReasonOfMessages(body['stop_reason']),
    usage: usageOfMessages(asObject(body['usage']) ?? {}),
  };
  return geminiResponse(parts, ending, asString(body['id']) ?? '', context);
}

function partOf(block: JsonObject): JsonObject | null {
  const text = asString(block['text']) ?? '';
  switch (block['type']) {
    case 'text':
      return text === '' ? null : { text };
    case 'thinking':
      return thoughtOf(block);
    case 'redacted_thinking':
      return { text: '', thought: true, thoughtSignature: redactedForGemini(asString(block['data']) ?? '') };
    case 'tool_use':
      return { functionCall: callOf(block, givenArguments(block['input'])) };
    default:
      return null;
  }
}

function thoughtOf(block: JsonObject): JsonObject {
  const text = asString(block['thinking']) ?? '';
  const signature = asString(block['signature']) ?? '';
  const signed = isUnsigned(signature) ? {} : { thoughtSignature: thinkingForGemini(signature) };
  return { text, thought: true, ...signed };
}

export function callOf(toolUse: JsonObject, args: JsonObject): JsonObject {
  const id = asString(toolUse['id']);
  return { ...(id !== null && { id }), name: asString(toolUse['name']) ?? '', args };
}
