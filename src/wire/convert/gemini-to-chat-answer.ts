/**
 * A JSON answer of a Gemini upstream for a Chat client. Pure.
 *
 *   candidates[0].content.parts   → choices[0].message
 *   { text, thought: true }       → reasoning_content
 *   { text }                      → content; null where there was none
 *   { functionCall }              → tool_calls[], arguments as text, with its signature (`gemini-signatures.ts`)
 *   finishReason, blockReason     → finish_reason (`gemini-endings.ts`)
 *   usageMetadata                 → usage
 *
 * Parts of other kinds come from tools that are never asked for; they are left out, likewise grounding and safety ratings.
 */
import type { AnswerContext, JsonObject } from './crossing.ts';
import { chatFinishReason, finishReasonOf } from './gemini-endings.ts';
import { asFields, givenArguments } from './gemini-fields.ts';
import { chatExtra, signatureOf } from './gemini-signatures.ts';
import { partsOf } from './gemini-to-messages-answer.ts';
import { chatUsage } from './gemini-usage.ts';
import { asObject, asString } from './json.ts';

export function geminiToChatAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  let content = '';
  let reasoning = '';
  const toolCalls: JsonObject[] = [];
  for (const part of partsOf(body)) {
    const text = asString(part['text']) ?? '';
    if (asFields(part['functionCall']) !== null) toolCalls.push(chatToolCall(part, toolCalls.length, context));
    else if (part['thought'] === true) reasoning += text;
    else content += text;
  }
  const message = {
    role: 'assistant',
    content: content === '' ? null : content,
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
  };
  const finishReason = chatFinishReason(finishReasonOf(body), toolCalls.length > 0);
  return {
    id: chatId(body, context),
    object: 'chat.completion',
    created: context.createdAtSeconds,
    model: context.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    usage: chatUsage(asObject(body['usageMetadata']) ?? {}),
  };
}

export function chatId(body: JsonObject, context: AnswerContext): string {
  const given = asString(body['responseId']) ?? '';
  return `chatcmpl-${given === '' ? context.requestId : given}`;
}

/** `part`: with a functionCall; `index`: how many calls of the answer came before it. */
export function chatToolCall(part: JsonObject, index: number, context: AnswerContext): JsonObject {
  const functionCall = asFields(part['functionCall']) ?? {};
  const given = asString(functionCall['id']) ?? '';
  const signature = signatureOf(part);
  return {
    id: given === '' ? `call_${context.requestId}_${index}` : given,
    type: 'function',
    function: {
      name: asString(functionCall['name']) ?? '',
      arguments: JSON.stringify(givenArguments(functionCall['args'])),
    },
    ...(signature !== '' && chatExtra(signature)),
  };
}
