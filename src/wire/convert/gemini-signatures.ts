/**
 * Signatures of thinking on their way through clients of another protocol and back. Pure.
 *
 * Gemini signs the parts of an answer (`thoughtSignature`) and refuses a history whose function calls come back without it; Messages
 * signs blocks of thinking. Neither can open the other's, so each travels inside something that the client returns untouched:
 *
 *   Gemini's, with a Messages client   thinking block before the tool_use: signature = "penstock-gemini-" signature
 *   Gemini's, with a Chat client       tool_calls[].extra_content.google.thought_signature      as Google's own Chat endpoint does
 *   Messages', with a Gemini client    thought part: thoughtSignature = base64( "penstock-messages-thinking:" signature
 *                                                                               | "penstock-messages-redacted:" data )
 *
 * Only function calls need theirs: signatures of Gemini's texts are left out. A call that has lost its signature, or was made by another
 * model, gets the one that Google names for that: in answers as well, because the client may go on with an account of Google.
 * Source: ai.google.dev/gemini-api/docs/thought-signatures, ai.google.dev/gemini-api/docs/openai.
 */
import { CARRIED_MARK } from './carried-mark.ts';
import type { JsonObject } from './crossing.ts';
import { asFields } from './gemini-fields.ts';
import { asArray, asObject, asString } from './json.ts';

const OF_GEMINI = `${CARRIED_MARK}gemini-`;
const OF_THINKING = `${CARRIED_MARK}messages-thinking:`;
const OF_REDACTED = `${CARRIED_MARK}messages-redacted:`;

/** Accepted by Gemini for calls that it did not make itself. */
const FOREIGN_CALL = 'skip_thought_signature_validator';

export function signatureForMessages(thoughtSignature: string): string {
  return OF_GEMINI + thoughtSignature;
}

/** What `signatureForMessages` was given; null: signed by somebody else. */
export function geminiSignature(signature: unknown): string | null {
  const given = asString(signature);
  return given?.startsWith(OF_GEMINI) ? given.slice(OF_GEMINI.length) : null;
}

export function chatExtra(thoughtSignature: string): JsonObject {
  return { extra_content: { google: { thought_signature: thoughtSignature } } };
}

export function signatureOfChat(toolCall: JsonObject): string | null {
  return asString(asObject(asObject(toolCall['extra_content'])?.['google'])?.['thought_signature']);
}

/** Google asks for a signature on the first call of each model turn. */
export function signFirstCalls(contents: readonly JsonObject[]): void {
  for (const content of contents) {
    if (content['role'] === 'model') signFirstCall(asArray(content['parts']) ?? []);
  }
}

export function signFirstCall(parts: readonly unknown[]): void {
  const part = asObject(parts.find((each) => asObject(each)?.['functionCall'] !== undefined));
  if (part !== null && part['thoughtSignature'] === undefined) part['thoughtSignature'] = FOREIGN_CALL;
}

/** Base64, because Google's clients decode it on the way. */
export function thinkingForGemini(signature: string): string {
  return Buffer.from(OF_THINKING + signature).toString('base64');
}

export function redactedForGemini(data: string): string {
  return Buffer.from(OF_REDACTED + data).toString('base64');
}

/** The block that a thought part carries, its text left to be filled in; null: none of Messages. */
export function thinkingOfGemini(part: JsonObject): JsonObject | null {
  const carried = Buffer.from(asString(part['thoughtSignature']) ?? '', 'base64').toString('utf8');
  if (carried.startsWith(OF_REDACTED)) return { type: 'redacted_thinking', data: carried.slice(OF_REDACTED.length) };
  if (!carried.startsWith(OF_THINKING)) return null;
  return { type: 'thinking', thinking: '', signature: carried.slice(OF_THINKING.length) };
}

/** The signature of a part, '' where it has none. */
export function signatureOf(part: JsonObject): string {
  return asString(asFields(part)?.['thoughtSignature']) ?? '';
}

/** Whether a model's own signature is lost with it. */
export function isSigned(part: JsonObject): boolean {
  const signature = signatureOf(part);
  return signature !== '' && signature !== FOREIGN_CALL;
}
