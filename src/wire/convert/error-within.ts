/**
 * The error that an upstream says inside an answer of status 200, in the form that it has as the body of an error status. Pure.
 *
 *   Messages, Chat, Gemini   { error: { … } } | { error: "…" }                  whole, or an event
 *   Responses                { type: "error", code, message } | { type: "error", error }
 *                            { type: "response.failed", response: { error } } | { status: "failed", error }
 */
import type { JsonObject } from './crossing.ts';
import { asObject, asString } from './json.ts';

/** `document`: a whole answer, or the data of an event. Null: it says none. */
export function errorWithin(document: JsonObject): JsonObject | null {
  const error = errorOf(document['error']);
  if (error !== null) return { error };
  if (document['type'] === 'error') return { error: document };
  if (document['type'] === 'response.failed') {
    return { error: errorOf(asObject(document['response'])?.['error']) ?? {} };
  }
  return document['status'] === 'failed' ? { error: {} } : null;
}

function errorOf(value: unknown): JsonObject | null {
  const message = asString(value);
  return message === null || message === '' ? asObject(value) : { message };
}
