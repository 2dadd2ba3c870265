/**
 * A JSON answer of a Gemini upstream for a client of Messages. Pure.
 *
 *   candidates[0].content.parts   → content
 *   { text, thought: true }       → thinking, neighbours as one
 *   { text }                      → text, neighbours as one
 *   { functionCall }              → tool_use, behind a thinking block that carries its signature (`gemini-signatures.ts`)
 *   finishReason, blockReason     → stop_reason (`gemini-endings.ts`)
 *   usageMetadata                 → usage
 *
 * Parts of other kinds come from tools that are never asked for; they are left out, likewise grounding and safety ratings.
 */
import { UNSIGNED } from './carried-thinking.ts';
import type { AnswerContext, JsonObject } from './crossing.ts';
import { finishReasonOf, firstCandidate, messagesStopReason } from './gemini-endings.ts';
import { asFields, givenArguments } from './gemini-fields.ts';
import { signatureForMessages, signatureOf } from './gemini-signatures.ts';
import { messagesUsage } from './gemini-usage.ts';
import { asArray, asObject, asString } from './json.ts';

export function geminiToMessagesAnswer(body: JsonObject, context: AnswerContext): JsonObject {
  const content: JsonObject[] = [];
  for (const part of partsOf(body)) addPart(content, part, context);
  const calledTool = content.some((block) => block['type'] === 'tool_use');
  return {
    id: messageId(body, context),
    type: 'message',
    role: 'assistant',
    model: context.model,
    content,
    stop_reason: messagesStopReason(finishReasonOf(body), calledTool),
    stop_sequence: null,
    usage: messagesUsage(asObject(body['usageMetadata']) ?? {}),
  };
}

/** The parts of an answer or of one chunk of it. */
export function partsOf(body: JsonObject): JsonObject[] {
  const parts: JsonObject[] = [];
  for (const each of asArray(asFields(firstCandidate(body)?.['content'])?.['parts']) ?? []) {
    const part = asFields(each);
    if (part !== null) parts.push(part);
  }
  return parts;
}

export function messageId(body: JsonObject, context: AnswerContext): string {
  const given = asString(body['responseId']) ?? '';
  return `msg_${given === '' ? context.requestId : given}`;
}

/** `index`: how many calls of the answer came before it. */
export function toolUseOf(functionCall: JsonObject, index: number, context: AnswerContext): JsonObject {
  const given = asString(functionCall['id']) ?? '';
  return {
    type: 'tool_use',
    id: given === '' ? `toolu_${context.requestId}_${index}` : given,
    name: asString(functionCall['name']) ?? '',
    input: givenArguments(functionCall['args']),
  };
}

function addPart(content: JsonObject[], part: JsonObject, context: AnswerContext): void {
  const functionCall = asFields(part['functionCall']);
  if (functionCall !== null) {
    addSignature(content, signatureOf(part));
    const index = content.filter((block) => block['type'] === 'tool_use').length;
    content.push(toolUseOf(functionCall, index, context));
    return;
  }
  const text = asString(part['text']) ?? '';
  if (text === '') return;
  const [type, field] = part['thought'] === true ? ['thinking', 'thinking'] : ['text', 'text'];
  const last = content.at(-1);
  if (last?.['type'] === type) last[field] = (last[field] as string) + text;
  else content.push(type === 'text' ? { type, text } : { type, thinking: text, signature: UNSIGNED });
}

function addSignature(content: JsonObject[], signature: string): void {
  if (signature === '') return;
  const last = content.at(-1);
  if (last?.['type'] === 'thinking') last['signature'] = signatureForMessages(signature);
  else content.push({ type: 'thinking', thinking: '', signature: signatureForMessages(signature) });
}
